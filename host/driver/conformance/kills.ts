// Promise 5: kill ends everything, however often and in whatever state.

import { expect, test } from 'vitest'
import { isAlive } from '@pandastack/kit/process/identity.ts'
import type { Bench } from './bench.ts'

export const killTests = (bench: Bench): void => {
  test('a killed machine has no process left, does not answer, and may be killed again', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    await lab.talk(machine).count()
    await lab.driver.kill(machine)
    expect(isAlive(machine.process)).toBe(false)
    expect(await lab.pids(machine.machineId)).toEqual([])
    expect(await lab.driver.recover(machine)).toBe('dead')
    await lab.driver.kill(machine)
    await Promise.all([lab.driver.kill(machine), lab.driver.kill(machine)])
  })

  test('a machine whose process was killed from outside is cleared away by kill', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    process.kill(machine.process.pid, 'SIGKILL')
    await expect.poll(() => lab.driver.recover(machine)).toBe('dead')
    await lab.driver.kill(machine)
    expect(await lab.pids(machine.machineId)).toEqual([])
  })

  test('the death of one machine does not touch its siblings', async () => {
    const { lab, snapshot } = bench
    const [one, two] = [await lab.restored(snapshot), await lab.restored(snapshot)]
    const before = await lab.talk(two).count()
    await lab.driver.kill(one)
    expect(await lab.talk(two).count()).toBe(before + 1)
  })

  test('a kill by a handle of a later process with the same id harms nobody', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    const stranger = { pid: process.pid, startTime: '1' }
    await lab.driver.kill({
      ...machine,
      machineId: `${machine.machineId.slice(0, -4)}ffff`,
      process: stranger,
    })
    expect(await lab.driver.recover(machine)).toBe('running')
  })

  test('strays are exactly the processes of machines that nobody knows', async () => {
    const { lab, snapshot } = bench
    const [known, unknown] = [await lab.restored(snapshot), await lab.restored(snapshot)]
    const strays = await lab.driver.strays([known])
    expect(strays.map(({ pid }) => pid)).toContain(unknown.process.pid)
    expect(strays.filter(({ detail }) => !detail.includes(unknown.machineId))).toEqual([])
    expect(await lab.driver.strays([known, unknown])).toEqual([])
  })
}
