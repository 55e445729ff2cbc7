// Server-sent events out of a reply's body. Pure framing: what an event means is its reader's business.

export interface ServerEvent {
  event: string
  data: string
}

/** Beyond it the stream is not one of ours, and must not fill the memory. The result of a hundred attempts fits. */
const eventLengthMax = 128 * 1024 * 1024

export const parseEvent = (block: string): ServerEvent | null => {
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const match = /^(event|data):[ ]?(.*)$/s.exec(line)
    if (match?.[1] === 'event') event = match[2] ?? ''
    else if (match) data.push(match[2] ?? '')
  }
  return data.length > 0 ? { event, data: data.join('\n') } : null
}

/** Events as they arrive; ends with the body. Leaving the loop early cancels the body. */
export async function* serverEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerEvent, void, void> {
  const decoder = new TextDecoder()
  // Joined once it is whole: a long event comes in thousands of pieces.
  const held: string[] = []
  let heldLength = 0
  let lineEnd = ''
  for await (const piece of body) {
    const blocks = (lineEnd + decoder.decode(piece, { stream: true })).split('\n\n')
    const rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parseEvent(held.splice(0).join('') + block)
      heldLength = 0
      if (event) yield event
    }
    // Half of an empty line, perhaps.
    lineEnd = rest.endsWith('\n') ? '\n' : ''
    held.push(rest.slice(0, rest.length - lineEnd.length))
    heldLength += rest.length
    if (heldLength > eventLengthMax) throw new RangeError('an event of the stream is too long')
  }
  const last = parseEvent(held.join('') + lineEnd)
  if (last) yield last
}
