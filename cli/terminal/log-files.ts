// The last lines of log files, and what is appended after them. A file that gets shorter was rotated and is read anew.

import { open, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Screen } from './steps.ts'

interface Source {
  name: string
  file: string
}

interface Options {
  follow: boolean
  lines: number
  screen: Screen
  signal: AbortSignal
}

const pollMs = 300
const pieceBytesMax = 4 * 1024 * 1024

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  )

const read = async (file: string, from: number, to: number): Promise<string> => {
  await using handle = await open(file, 'r')
  const start = Math.max(from, to - pieceBytesMax)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(to - start), 0, to - start, start)
  return buffer.toString('utf8', 0, bytesRead)
}

export const lastLines = (text: string, count: number): string => {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const kept = count === 0 ? [] : lines.slice(-count)
  return kept.map((line) => `${line}\n`).join('')
}

export const printLogs = async (
  sources: readonly Source[],
  { follow, lines, screen, signal }: Options,
): Promise<void> => {
  const label = (name: string, text: string): string =>
    sources.length === 1 ? text : text.replace(/^(?=.)/gm, `${name.padEnd(13)} `)
  const positions = new Map<string, number>()
  for (const { name, file } of sources) {
    const size = await sizeOf(file)
    positions.set(file, size)
    if (size > 0) screen.write(label(name, lastLines(await read(file, 0, size), lines)))
  }
  if (!follow) return
  while (!signal.aborted) {
    await sleep(pollMs, undefined, { signal }).catch(() => undefined)
    for (const { name, file } of sources) {
      const size = await sizeOf(file)
      const from = positions.get(file) ?? 0
      if (size === from) continue
      const text = await read(file, size < from ? 0 : from, size)
      // A line that is still being written waits for its end.
      const whole = text.slice(0, text.lastIndexOf('\n') + 1)
      positions.set(file, size - Buffer.byteLength(text.slice(whole.length)))
      screen.write(label(name, whole))
    }
  }
}
