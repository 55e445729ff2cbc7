// The channel of a code context: `MARK | length u32 BE | JSON`, both ways. MARK is the session's id, so that a reader
// that joins in the middle finds the next message by itself. Written by the guest, hence bounded.

import { z } from 'zod'

const lengthBytes = 4
export const messageMaxBytes = 64 * 1024 * 1024

export const cellReply = z.object({
  cell: z.string(),
  stdout: z.string(),
  stderr: z.string(),
  results: z.array(z.record(z.string(), z.string())).max(10_000),
  error: z.string().nullable(),
  duration_ms: z.number(),
})
export type CellReply = z.infer<typeof cellReply>

export const encodeMessage = (mark: string, value: unknown): Buffer => {
  const payload = Buffer.from(JSON.stringify(value))
  const head = Buffer.alloc(lengthBytes)
  head.writeUInt32BE(payload.length)
  return Buffer.concat([Buffer.from(mark, 'latin1'), head, payload])
}

/** Chunks in, payloads out; what is not part of a message is skipped. `take` is told of the memory it holds. */
export class MessageParser {
  readonly #mark: Buffer
  readonly #take: (sizeBytes: number) => void
  #chunks: Buffer[] = []
  #heldBytes = 0
  /** Not worth joining the chunks before there are this many bytes. */
  #wantedBytes: number

  constructor(mark: string, take: (sizeBytes: number) => void = () => undefined) {
    this.#mark = Buffer.from(mark, 'latin1')
    this.#take = take
    this.#wantedBytes = this.#mark.length + lengthBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  push(chunk: Uint8Array): Buffer[] {
    this.#take(chunk.length)
    this.#chunks.push(Buffer.from(chunk))
    this.#heldBytes += chunk.length
    if (this.#heldBytes < this.#wantedBytes) return []
    const messages: Buffer[] = []
    let rest = Buffer.concat(this.#chunks)
    for (;;) {
      const found = rest.indexOf(this.#mark)
      // The last bytes may be the beginning of a mark.
      rest = rest.subarray(found >= 0 ? found : Math.max(0, rest.length - this.#mark.length + 1))
      const headBytes = this.#mark.length + lengthBytes
      if (found < 0 || rest.length < headBytes) return this.#keep(rest, headBytes, messages)
      const length = rest.readUInt32BE(this.#mark.length)
      const isMessage = length <= messageMaxBytes
      const end = isMessage ? headBytes + length : headBytes
      if (rest.length < end) return this.#keep(rest, end, messages)
      if (isMessage) messages.push(rest.subarray(headBytes, end))
      rest = rest.subarray(end)
    }
  }

  #keep(rest: Buffer, wantedBytes: number, messages: Buffer[]): Buffer[] {
    // A copy, so that a few bytes do not keep a large chunk alive.
    this.#chunks = [Buffer.from(rest)]
    this.#heldBytes = rest.length
    this.#wantedBytes = wantedBytes
    return messages
  }
}
