// The benchmark suite: how long each step of a driver takes, over and over, on whatever host it runs. Prints, and asserts
// nothing. Steps are taken one after the other on an otherwise idle driver, each machine from the same snapshot.

import { rm } from 'node:fs/promises'
import { createLab, soon, type Lab } from '../conformance/lab.ts'
import type { Subject } from '../conformance/subject.ts'
import type { Snapshot } from '../values.ts'
import { figureOf, type Figure } from './figures.ts'

export interface BenchmarkOptions {
  /** Machines restored. */
  rounds: number
  /** Machines booted and captured; slow with real drivers. Default 5. */
  bootRounds?: number
}

const dirtyMibs = [0, 50]

type Times = Map<string, number[]>

const timed = async <T>(times: Times, step: string, work: () => Promise<T>): Promise<T> => {
  const beganAtMs = performance.now()
  const result = await work()
  note(times, step, performance.now() - beganAtMs)
  return result
}

const note = (times: Times, step: string, ms: number): void => {
  times.set(step, [...(times.get(step) ?? []), ms])
}

const bootRound = async (lab: Lab, times: Times): Promise<Snapshot> => {
  const shell = await lab.shell()
  await timed(times, 'boot to first answer', async () => {
    await timed(times, 'boot', () => lab.driver.boot(shell, soon()))
    await lab.talk(shell).count()
  })
  const snapshot = await timed(times, 'first capture', () => lab.captured(shell))
  await lab.driver.kill(shell)
  return snapshot
}

const restoreRound = async (lab: Lab, snapshot: Snapshot, times: Times): Promise<void> => {
  const shell = await timed(times, 'prepare', () => lab.shell())
  await timed(times, 'restore to first answer', async () => {
    await timed(times, 'restore', () => lab.driver.restore(shell, snapshot, soon()))
    await lab.talk(shell).count()
  })
  await timed(times, 'pause', () => lab.driver.pause(shell, soon()))
  await timed(times, 'resume', () => lab.driver.resume(shell, soon()))
  await timed(times, 'kill', () => lab.driver.kill(shell))
}

/** Of a machine that has written to so much memory since it was restored. */
const captureRound = async (lab: Lab, snapshot: Snapshot, dirtyMib: number, times: Times): Promise<void> => {
  const machine = await lab.restored(snapshot)
  await lab.talk(machine).count()
  if (dirtyMib > 0) await lab.subject.dirty?.(machine, dirtyMib)
  const dir = await lab.subject.makeDir()
  const step = `capture, ${dirtyMib} MiB dirty`
  const { pauseMs } = await timed(times, step, () =>
    lab.driver.capture(machine, dir, { leaveRunning: true }, soon()),
  )
  note(times, `${step}: pause`, pauseMs)
  await rm(dir, { recursive: true })
}

/** Steps in the order in which a machine meets them. */
export const benchmark = async (subject: Subject, options: BenchmarkOptions): Promise<Figure[]> => {
  const { rounds, bootRounds = 5 } = options
  if (rounds < 1 || bootRounds < 1) throw new RangeError('a benchmark needs at least one round of each kind')
  const times: Times = new Map()
  await using first = await createLab(subject)
  let snapshot = await bootRound(first, times)
  for (let round = 1; round < bootRounds; round++) snapshot = await bootRound(first, times)
  for (let round = 0; round < rounds; round++) {
    await using lab = await createLab(subject)
    await restoreRound(lab, snapshot, times)
  }
  for (const dirtyMib of first.subject.dirty ? dirtyMibs : [0])
    for (let round = 0; round < rounds; round++) {
      await using lab = await createLab(subject)
      await captureRound(lab, snapshot, dirtyMib, times)
    }
  return [...times].map(([step, took]) => figureOf(step, took))
}
