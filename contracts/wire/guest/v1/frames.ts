// Frames of a streamed exec on the guest wire: `type u8 | seq u64 BE | length u32 BE | payload`. Pure: bytes in, frames
// out. What arrives was written by the guest, so anything outside the format ends the stream with `WireViolation`
// before memory is set aside for it.

export const frameType = { start: 1, stdout: 2, stderr: 3, pty: 4, exit: 5, gap: 6, keepalive: 7 } as const
export type FrameType = (typeof frameType)[keyof typeof frameType]

export const framePayloadMaxBytes = 65_536
const headBytes = 13

export interface Frame {
  type: FrameType
  seq: number
  payload: Uint8Array
}

export class WireViolation extends Error {
  override name = 'WireViolation'
}

/** Takes chunks as they come and gives back the frames that are whole; holds at most one unfinished frame. */
export class FrameParser {
  #pending: Uint8Array = new Uint8Array(0)
  #ended = false

  push(chunk: Uint8Array): Frame[] {
    const bytes = this.#pending.length === 0 ? chunk : joined(this.#pending, chunk)
    const frames: Frame[] = []
    let at = 0
    while (bytes.length - at >= headBytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, headBytes)
      const type = this.#checkedType(view.getUint8(0))
      const length = view.getUint32(9)
      if (length > framePayloadMaxBytes) throw new WireViolation(`a frame of ${length} bytes`)
      if (bytes.length - at < headBytes + length) break
      frames.push({
        type,
        seq: sequence(view),
        payload: bytes.subarray(at + headBytes, at + headBytes + length),
      })
      this.#ended = type === frameType.exit
      at += headBytes + length
    }
    // A copy, so that a few bytes left over do not keep a large chunk alive.
    this.#pending = bytes.slice(at)
    return frames
  }

  #checkedType(type: number): FrameType {
    if (this.#ended) throw new WireViolation('a frame after the exit frame')
    if (type < frameType.start || type > frameType.keepalive)
      throw new WireViolation(`a frame of type ${type}`)
    return type as FrameType
  }
}

/** Frames of a body, one at a time: the next is read only when the last has been dealt with. */
export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const parser = new FrameParser()
  for await (const chunk of chunks) yield* parser.push(chunk)
}

export const encodeFrame = (type: FrameType, seq: number, payload: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(headBytes + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, type)
  view.setBigUint64(1, BigInt(seq))
  view.setUint32(9, payload.length)
  bytes.set(payload, headBytes)
  return bytes
}

const sequence = (view: DataView): number => {
  const seq = view.getBigUint64(1)
  if (seq > BigInt(Number.MAX_SAFE_INTEGER)) throw new WireViolation('a sequence number out of range')
  return Number(seq)
}

const joined = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}
