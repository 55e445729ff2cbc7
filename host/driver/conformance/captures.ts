// Promise 4: capturing leaves the source alone, or ends it, as it was asked to.

import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { base, type Bench } from './bench.ts'
import { soon } from './lab.ts'

const quietMs = 300

export const captureTests = (bench: Bench): void => {
  test('a machine captured while running goes on, and its copy starts where it stood then', async () => {
    const { lab, snapshot } = bench
    const source = await lab.restored(snapshot)
    await lab.talk(source).count()
    const later = await lab.captured(source)
    expect(await lab.talk(source).count()).toBe(base.count + 2)
    const copy = await lab.restored(later)
    expect(await lab.talk(copy).count()).toBe(base.count + 2)
    expect(await lab.talk(source).count()).toBe(base.count + 3)
  })

  test('a machine captured not to run on is dead, and its copy has everything', async () => {
    const { lab, snapshot } = bench
    const source = await lab.restored(snapshot)
    await lab.talk(source).count()
    await lab.talk(source).write('/root/last', 'last words')
    const last = await lab.captured(source, { leaveRunning: false })
    await expect.poll(() => lab.driver.recover(source)).toBe('dead')
    await lab.driver.kill(source)
    const copy = lab.talk(await lab.restored(last))
    expect(await copy.count()).toBe(base.count + 2)
    expect(await copy.read('/root/last')).toBe('last words')
  })

  test('a paused machine that is captured stays paused, and its copy runs', async () => {
    const { lab, snapshot } = bench
    const source = await lab.restored(snapshot)
    await lab.talk(source).count()
    await lab.driver.pause(source, soon())
    const copy = await lab.restored(await lab.captured(source))
    expect(await lab.driver.recover(copy)).toBe('running')
    expect(await lab.talk(copy).count()).toBe(base.count + 2)
    expect(await lab.driver.recover(source)).toBe('paused')
    const asked = lab.talk(source).count()
    expect(await Promise.race([asked, sleep(quietMs, 'no answer')])).toBe('no answer')
    await lab.driver.resume(source, soon())
    expect(await asked).toBe(base.count + 2)
  })

  test('a copy of a paused machine can be paused and resumed itself', async () => {
    const { lab, snapshot } = bench
    const source = await lab.restored(snapshot)
    await lab.driver.pause(source, soon())
    const copy = await lab.restored(await lab.captured(source))
    await lab.driver.pause(copy, soon())
    expect(await lab.driver.recover(copy)).toBe('paused')
    await lab.driver.resume(copy, soon())
    expect(await lab.talk(copy).count()).toBe(base.count + 1)
  })

  test('a paused machine captured not to run on is dead, and its copy runs', async () => {
    const { lab, snapshot } = bench
    const source = await lab.restored(snapshot)
    await lab.driver.pause(source, soon())
    const last = await lab.captured(source, { leaveRunning: false })
    await expect.poll(() => lab.driver.recover(source)).toBe('dead')
    await lab.driver.kill(source)
    expect(await lab.talk(await lab.restored(last)).count()).toBe(base.count + 1)
  })

  test('a capture tells for how long the machine stood still, which is not at all where it stood still anyway', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    const options = { leaveRunning: true }
    const running = await lab.driver.capture(machine, await lab.subject.makeDir(), options, soon())
    expect(running).toEqual({ pauseMs: expect.any(Number) })
    await lab.driver.pause(machine, soon())
    expect(await lab.driver.capture(machine, await lab.subject.makeDir(), options, soon())).toEqual({
      pauseMs: 0,
    })
  })

  test('a chain of captures keeps everything that came before', async () => {
    const { lab } = bench
    let snapshot = bench.snapshot
    for (let generation = 1; generation <= 3; generation++) {
      const machine = await lab.restored(snapshot)
      expect(await lab.talk(machine).count()).toBe(base.count + generation)
      await lab.talk(machine).write(`/root/generation-${generation}`, `${generation}`)
      snapshot = await lab.captured(machine, { leaveRunning: false })
      await lab.driver.kill(machine)
    }
    const last = lab.talk(await lab.restored(snapshot))
    expect(await last.read('/root/generation-1')).toBe('1')
    expect(await last.read('/root/generation-3')).toBe('3')
  })

  test('restoring does not change the snapshot', async () => {
    const { lab, snapshot } = bench
    const before = readdirSync(snapshot.dir).sort()
    const workload = lab.talk(await lab.restored(snapshot))
    await workload.count()
    await workload.write('/root/more', 'x'.repeat(100_000))
    expect(readdirSync(snapshot.dir).sort()).toEqual(before)
    expect(await lab.talk(await lab.restored(snapshot)).count()).toBe(base.count + 1)
  })
}
