// Pause and resume: processors stop and go on, memory stays.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { base, type Bench } from './bench.ts'
import { soon } from './lab.ts'

const quietMs = 300

export const pauseTests = (bench: Bench): void => {
  test('a paused machine does nothing, and goes on where it stood when resumed', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    expect(await lab.talk(machine).count()).toBe(base.count + 1)
    await lab.driver.pause(machine, soon())
    expect(await lab.driver.recover(machine)).toBe('paused')
    const asked = lab.talk(machine).count()
    expect(await Promise.race([asked, sleep(quietMs, 'no answer')])).toBe('no answer')
    await lab.driver.resume(machine, soon())
    expect(await asked).toBe(base.count + 2)
    expect(await lab.driver.recover(machine)).toBe('running')
  })

  test('a machine can be paused again and again', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    for (let round = 1; round <= 5; round++) {
      await lab.driver.pause(machine, soon())
      await lab.driver.resume(machine, soon())
      expect(await lab.talk(machine).count()).toBe(base.count + round)
    }
  })

  test('a paused machine can be killed', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    await lab.driver.pause(machine, soon())
    await lab.driver.kill(machine)
    expect(await lab.driver.recover(machine)).toBe('dead')
    expect(await lab.pids(machine.machineId)).toEqual([])
  })
}
