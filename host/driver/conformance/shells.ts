// Promises 1 and 2: the probe, and shells.

import { expect, test } from 'vitest'
import { isAlive } from '@pandastack/kit/process/identity.ts'
import type { Bench } from './bench.ts'
import { soon } from './lab.ts'

export const shellTests = (bench: Bench): void => {
  test('the probe says what this host can do, how well it isolates, and why', async () => {
    const probe = await bench.lab.driver.probe(soon())
    expect(probe).toMatchObject({
      usable: true,
      tier: expect.stringMatching(/^(hardware|user-kernel|emulated|none)$/),
    })
    expect(probe.reason).not.toBe('')
    expect(probe.version).not.toBe('')
    expect((await bench.lab.driver.probe(soon())).version).toBe(probe.version)
  })

  test('a shell is a process of this host that can be told from a later one', async () => {
    const shell = await bench.lab.shell()
    expect(isAlive(shell.process)).toBe(true)
    expect(await bench.lab.pids(shell.machineId)).toContain(shell.process.pid)
    expect(JSON.parse(JSON.stringify(shell))).toEqual(shell)
  })

  test('a shell can be thrown away and leaves nothing', async () => {
    const shell = await bench.lab.shell()
    await bench.lab.driver.kill(shell)
    expect(isAlive(shell.process)).toBe(false)
    expect(await bench.lab.pids(shell.machineId)).toEqual([])
    expect(await bench.lab.driver.stats(shell)).toBeNull()
  })

  test('a machine booted in a shell starts from nothing', async () => {
    const machine = await bench.lab.booted()
    expect(await bench.lab.talk(machine).count()).toBe(1)
    expect(await bench.lab.talk(machine).count()).toBe(2)
  })

  test('a machine has figures of its own process', async () => {
    const machine = await bench.lab.restored(bench.snapshot)
    const figures = () => bench.lab.driver.stats(machine)
    // The kernel counts memory in batches and may say zero of a process that has only just started.
    await expect.poll(async () => (await figures())?.rssBytes).toBeGreaterThan(0)
    const stats = await figures()
    expect(stats?.pid).toBe(machine.process.pid)
    expect(stats?.threads).toBeGreaterThan(0)
  })
}
