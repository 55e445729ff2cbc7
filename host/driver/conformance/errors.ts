// Failures have kinds that the agent can act on, and the next try is not spoilt by them.

import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { DriverError, type DriverErrorKind } from '../driver.ts'
import { base, type Bench } from './bench.ts'
import { soon } from './lab.ts'

const kindOf = async (call: Promise<unknown>): Promise<DriverErrorKind | 'no error'> => {
  try {
    await call
    return 'no error'
  } catch (error) {
    expect(error).toBeInstanceOf(DriverError)
    expect((error as DriverError).message).not.toBe('')
    return (error as DriverError).kind
  }
}

export const errorTests = (bench: Bench): void => {
  test('a snapshot of another version of the driver is incompatible', async () => {
    const { lab, snapshot } = bench
    const shell = await lab.shell()
    const restore = lab.driver.restore(shell, { ...snapshot, driverVersion: 'another' }, soon())
    expect(await kindOf(restore)).toBe('incompatible_snapshot')
  })

  test('a snapshot of another image does not fit a shell that is bound to one', async (context) => {
    const { lab, snapshot } = bench
    if (!lab.driver.capabilities.shellBoundToImage) context.skip('shells of this driver fit every image')
    const image = { ...snapshot.image, digest: 'f'.repeat(64) }
    const restore = lab.driver.restore(await lab.shell(), { ...snapshot, image }, soon())
    expect(await kindOf(restore)).toBe('incompatible_snapshot')
  })

  test('a snapshot that is empty, or cut short, is refused, and the whole one is restored after that', async () => {
    const { lab, snapshot } = bench
    const cut = await lab.subject.makeDir()
    await cp(snapshot.dir, cut, { recursive: true })
    for (const name of readdirSync(cut)) {
      const file = path.join(cut, name)
      if (statSync(file).isFile()) truncateSync(file, Math.floor(statSync(file).size / 2))
    }
    for (const dir of [await lab.subject.makeDir(), cut]) {
      const kind = await kindOf(lab.driver.restore(await lab.shell(), { ...snapshot, dir }, soon()))
      expect(['corrupt_snapshot', 'failed']).toContain(kind)
    }
    expect(await lab.talk(await lab.restored(snapshot)).count()).toBe(base.count + 1)
  })

  test('a machine that is dead can neither be paused, resumed nor captured, and it is said so', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    await lab.driver.kill(machine)
    expect(await kindOf(lab.driver.pause(machine, soon()))).toBe('dead')
    expect(await kindOf(lab.driver.resume(machine, soon()))).toBe('dead')
    const dir = await lab.subject.makeDir()
    expect(await kindOf(lab.driver.capture(machine, dir, { leaveRunning: true }, soon()))).toBe('dead')
    expect(await lab.driver.stats(machine)).toBeNull()
  })

  test('a capture that cannot be written fails and leaves the machine running', async () => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    const notADir = path.join(await lab.subject.makeDir(), 'file')
    writeFileSync(notADir, '')
    const kind = await kindOf(lab.driver.capture(machine, notADir, { leaveRunning: true }, soon()))
    expect(['failed', 'no_space']).toContain(kind)
    expect(await lab.talk(machine).count()).toBe(base.count + 1)
  })
}
