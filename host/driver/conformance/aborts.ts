// Every call gives up when its signal aborts, and what it had started by then is ended before it throws.

import { expect, test } from 'vitest'
import { base, type Bench } from './bench.ts'
import { soon } from './lab.ts'

/** Moments at which a call is given up: before it, and at some points within. It may be faster than that. */
const momentsMs = [0, 2, 10, 40]

const abortingAfter = (ms: number): AbortSignal =>
  ms === 0 ? AbortSignal.abort(new Error('given up')) : AbortSignal.timeout(ms)

const outcome = (call: Promise<unknown>): Promise<'done' | 'given up'> =>
  call.then(
    () => 'done',
    () => 'given up',
  )

export const abortTests = (bench: Bench): void => {
  test.each(momentsMs)('a shell given up after %i ms leaves no process', async (ms) => {
    const { driver, subject } = bench.lab
    const place = await bench.lab.place()
    const made = await driver
      .prepare(place, subject.image, subject.limits, abortingAfter(ms))
      .catch(() => null)
    if (made) await driver.kill(made)
    if (ms === 0) expect(made).toBeNull()
    expect(await bench.lab.pids(place.machineId)).toEqual([])
  })

  test.each(momentsMs)('a restore given up after %i ms leaves no guest', async (ms) => {
    const { lab, snapshot } = bench
    const shell = await lab.shell()
    const end = await outcome(lab.driver.restore(shell, snapshot, abortingAfter(ms)))
    if (end === 'done') expect(await lab.talk(shell).count()).toBe(base.count + 1)
    if (ms === 0) expect(end).toBe('given up')
    await lab.driver.kill(shell)
    expect(await lab.pids(shell.machineId)).toEqual([])
    expect(await lab.talk(await lab.restored(snapshot)).count()).toBe(base.count + 1)
  })

  test.each(momentsMs)('a capture given up after %i ms leaves the machine running', async (ms) => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    expect(await lab.talk(machine).count()).toBe(base.count + 1)
    const dir = await lab.subject.makeDir()
    const end = await outcome(lab.driver.capture(machine, dir, { leaveRunning: true }, abortingAfter(ms)))
    if (ms === 0) expect(end).toBe('given up')
    expect(await lab.talk(machine).count()).toBe(base.count + 2)
    expect(await lab.talk(await lab.restored(await lab.captured(machine))).count()).toBe(base.count + 3)
  })

  test('a pause and a resume whose signal is aborted already do nothing', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    await expect(lab.driver.pause(machine, abortingAfter(0))).rejects.toThrow()
    expect(await lab.driver.recover(machine)).toBe('running')
    await lab.driver.pause(machine, soon())
    await expect(lab.driver.resume(machine, abortingAfter(0))).rejects.toThrow()
    expect(await lab.driver.recover(machine)).toBe('paused')
  })
}
