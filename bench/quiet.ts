// Waiting for a machine that has time. It looks only at what was before a round, never at the round's result, so it
// chooses nothing; on a machine that others use, too, it makes rounds comparable.

import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const idleShareMin = 0.8
const windowMs = 100
const patienceMs = 5_000

const times = (): { idle: number; all: number } => {
  let [idle, all] = [0, 0]
  for (const { times: spent } of cpus()) {
    idle += spent.idle
    all += spent.user + spent.nice + spent.sys + spent.irq + spent.idle
  }
  return { idle, all }
}

/** False when the processors did not become idle in time. */
export const untilQuiet = async (): Promise<boolean> => {
  const endMs = performance.now() + patienceMs
  while (performance.now() < endMs) {
    const before = times()
    await sleep(windowMs)
    const after = times()
    if (after.idle - before.idle >= idleShareMin * (after.all - before.all)) return true
  }
  return false
}
