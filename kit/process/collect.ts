// Keeps the first bytes of a stream and lets the rest flow away, so that a talkative child neither fills our memory
// nor blocks on a full pipe.

import type { Readable } from 'node:stream'

export interface Collected {
  text(): string
  truncated(): boolean
}

export const collect = (stream: Readable, maxBytes: number): Collected => {
  const chunks: Buffer[] = []
  let keptBytes = 0
  let dropped = false
  stream.on('data', (chunk: Buffer) => {
    const room = maxBytes - keptBytes
    if (chunk.length > room) dropped = true
    if (room <= 0) return
    chunks.push(chunk.subarray(0, room))
    keptBytes += Math.min(chunk.length, room)
  })
  stream.on('error', () => undefined)
  return { text: () => Buffer.concat(chunks).toString('utf8'), truncated: () => dropped }
}
