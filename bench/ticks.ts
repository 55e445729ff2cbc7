// For how long nothing ran in a sandbox, seen from inside: the gaps between the times that a program in it writes down
// every millisecond (inside/ticker.py). Sandbox and benchmark read the same clock, that of this machine.

import type { Client } from '@pandastack/client/client.ts'
import { startInside, type Shell } from './resident.ts'

export const startTicking = (shell: Shell): Promise<void> => startInside(shell, 'ticker', [])

export const readTicks = async (client: Client, id: string): Promise<number[]> => {
  const { body } = await client.files.read(id, '/home/user/ticks')
  const lines = (await new Response(body).text()).split('\n')
  // The last line may be half written.
  return lines.slice(0, -1).map((line) => Number(line) / 1e6)
}

/** The largest gap that reaches into the time between `from` and `to`; NaN when it has not been seen whole. */
export const largestGapMs = (ticks: readonly number[], from: number, to: number): number => {
  const before = ticks.findLastIndex((tick) => tick <= from)
  const after = ticks.findIndex((tick) => tick >= to)
  if (before < 0 || after < 0) return Number.NaN
  let largest = 0
  for (let at = before; at < after; at++)
    largest = Math.max(largest, (ticks[at + 1] ?? Number.NaN) - (ticks[at] ?? Number.NaN))
  return largest
}
