// Server-sent events out of a reply's body. Pure framing: what an event means is its reader's business.

export interface ServerEvent {
  event: string
  data: string
}

/** Beyond it the stream is not one of ours, and must not fill the memory. */
const eventBytesMax = 16 * 1024 * 1024

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
  let rest = ''
  for await (const piece of body) {
    rest += decoder.decode(piece, { stream: true })
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    if (rest.length > eventBytesMax) throw new RangeError('an event of the stream is too long')
    for (const block of blocks) {
      const event = parseEvent(block)
      if (event) yield event
    }
  }
  const last = parseEvent(rest)
  if (last) yield last
}
