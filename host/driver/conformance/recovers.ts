// Promise 6: machines outlive the agent, and a fresh driver object finds them.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { spawnDetached } from '@pandastack/kit/process/detached.ts'
import { endGroup } from '@pandastack/kit/process/end.ts'
import { statOf } from '@pandastack/kit/process/identity.ts'
import type { MachineHandle, ProcessIdentity } from '../values.ts'
import { base, type Bench } from './bench.ts'
import { soon } from './lab.ts'

/** As the ledger gives it back. */
const reread = (machine: MachineHandle): MachineHandle => JSON.parse(JSON.stringify(machine)) as MachineHandle

const zombieOf = (parent: ProcessIdentity): ProcessIdentity | null => {
  const children = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').trim().split(' ')
  const stat = statOf(Number(children[0]))
  return stat?.state === 'Z' ? { pid: stat.pid, startTime: stat.startTime } : null
}

export const recoverTests = (bench: Bench): void => {
  test('a fresh driver object finds running and paused machines, and they go on', async () => {
    const { lab, snapshot } = bench
    const [running, paused] = [await lab.restored(snapshot), await lab.restored(snapshot)]
    await lab.talk(running).count()
    await lab.driver.pause(paused, soon())
    lab.driver = lab.subject.driver = await lab.subject.restarted()
    expect(await lab.driver.recover(reread(running))).toBe('running')
    expect(await lab.driver.recover(reread(paused))).toBe('paused')
    await lab.driver.resume(reread(paused), soon())
    expect(await lab.talk(running).count()).toBe(base.count + 2)
    expect(await lab.talk(paused).count()).toBe(base.count + 1)
    const later = await lab.captured(reread(running))
    expect(await lab.talk(await lab.restored(later)).count()).toBe(base.count + 3)
    await lab.driver.kill(reread(running))
    expect(await lab.driver.recover(running)).toBe('dead')
  })

  test('a fresh driver object can use shells that were made before', async () => {
    const { lab, snapshot } = bench
    const shell = await lab.shell()
    lab.driver = lab.subject.driver = await lab.subject.restarted()
    await lab.driver.restore(reread(shell), snapshot, soon())
    expect(await lab.talk(shell).count()).toBe(base.count + 1)
  })

  test('a machine that was killed while no agent ran is found dead', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    process.kill(machine.process.pid, 'SIGKILL')
    lab.driver = lab.subject.driver = await lab.subject.restarted()
    await expect.poll(() => lab.driver.recover(reread(machine))).toBe('dead')
  })

  test('a zombie and a later process with the same id are dead machines', async () => {
    const { lab } = bench
    const shell = await lab.shell()
    const parent = await spawnDetached('sh', ['-c', 'true & exec sleep 600'])
    try {
      await expect.poll(() => zombieOf(parent)).not.toBeNull()
      const zombie = zombieOf(parent) as ProcessIdentity
      expect(await lab.driver.recover({ ...shell, process: zombie })).toBe('dead')
      expect(await lab.driver.stats({ ...shell, process: zombie })).toBeNull()
      const later = { pid: parent.pid, startTime: `${Number(parent.startTime) - 1}` }
      expect(await lab.driver.recover({ ...shell, process: later })).toBe('dead')
    } finally {
      await endGroup(parent, { graceMs: 0 })
    }
  })
}
