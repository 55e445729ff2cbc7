// A command whose output is followed over the API, held open by a test.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Installation } from '../installation.ts'

export interface OpenStream {
  /** True once there is new output; false when the stream has ended, or is silent for a while. */
  goesOn(): Promise<boolean>
  close(): Promise<void>
}

const silenceMs = 5000
const pollMs = 20

/** Settles when the first output is there. */
export const openStream = async (on: Installation, id: string, cmd: string): Promise<OpenStream> => {
  const hangUp = new AbortController()
  const reply = await fetch(`${on.api}/v1/sandboxes/${id}/exec/stream`, {
    method: 'POST',
    headers: { authorization: `Bearer ${on.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ cmd }),
    signal: hangUp.signal,
  })
  if (!reply.ok || !reply.body) throw new Error(`the stream was answered with ${reply.status}`)
  const seen = { bytes: 0, over: false }
  const reading = (async () => {
    for await (const chunk of reply.body as AsyncIterable<Uint8Array>) seen.bytes += chunk.length
  })()
    .catch(() => undefined)
    .finally(() => (seen.over = true))
  const stream: OpenStream = {
    async goesOn() {
      const before = seen.bytes
      for (let waitedMs = 0; waitedMs < silenceMs && !seen.over; waitedMs += pollMs) {
        if (seen.bytes > before) return true
        await sleep(pollMs)
      }
      return false
    },
    async close() {
      hangUp.abort()
      await reading
    },
  }
  if (!(await stream.goesOn())) throw new Error('the stream gave nothing')
  return stream
}
