// Whole bodies of guest replies, never longer than the caller allows; and the memory that all of them may take.

import { PandaError } from '@pandastack/contracts/errors.ts'
import type { GuestReply } from '@pandastack/core/ports/guest-port.ts'

/** Memory for large replies, shared by all requests. Small ones are not counted. */
export class ByteBudget {
  readonly #maxBytes: number
  #heldBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Takes memory in steps; disposing gives all of it back. Throws `unavailable` when there is none left. */
  open(): { take(sizeBytes: number): void } & Disposable {
    let mineBytes = 0
    return {
      take: (sizeBytes) => {
        if (this.#heldBytes + sizeBytes > this.#maxBytes) {
          throw new PandaError('unavailable', 'too many large replies at once', { retryAfterSeconds: 1 })
        }
        this.#heldBytes += sizeBytes
        mineBytes += sizeBytes
      },
      [Symbol.dispose]: () => {
        this.#heldBytes -= mineBytes
        mineBytes = 0
      },
    }
  }
}

const smallBytes = 65_536

/** The reply's bytes; more than `maxBytes` of them end it. `take` is told of what goes beyond a small reply. */
export const readBytes = async (
  reply: GuestReply,
  maxBytes: number,
  take?: (sizeBytes: number) => void,
): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  // Leaving the loop early destroys the body and with it the connection.
  for await (const chunk of reply.body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) {
      throw new PandaError('upstream', `the sandbox answered with more than ${maxBytes} bytes`)
    }
    if (take && sizeBytes > smallBytes) take(chunk.length)
    chunks.push(chunk)
  }
  return chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)
}

export const readText = async (reply: GuestReply, maxBytes: number): Promise<string> =>
  (await readBytes(reply, maxBytes)).toString('utf8')
