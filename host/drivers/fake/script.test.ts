import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { createLab, soon } from '@pandastack/driver/conformance/lab.ts'
import { createFakeDriver } from './index.ts'
import { createFakeExits } from './exits.ts'
import { createFakeNetwork } from './places.ts'
import { createScript } from './script.ts'
import { fakeSubject } from './subject.ts'

describe('a scripted fake', () => {
  test('fails the call it was told to, and only that one', async () => {
    const script = createScript([{ on: 'restore', nth: 2, fail: 'no_space' }])
    await using subject = await fakeSubject({ script })
    await using lab = await createLab(subject)
    const snapshot = await lab.captured(await lab.booted())
    await lab.restored(snapshot)
    const shell = await lab.shell()
    await expect(lab.driver.restore(shell, snapshot, soon())).rejects.toMatchObject({ kind: 'no_space' })
    expect(await lab.driver.recover(shell)).toBe('dead')
    await lab.restored(snapshot)
    expect(script.calls('restore')).toBe(3)
  })

  test('delays a call, which can be given up meanwhile', async () => {
    await using subject = await fakeSubject({ script: createScript([{ on: 'boot', delayMs: 600_000 }]) })
    await using lab = await createLab(subject)
    const shell = await lab.shell()
    await expect(lab.driver.boot(shell, AbortSignal.timeout(20))).rejects.toThrow()
    expect(await lab.pids(shell.machineId)).toEqual([])
  })

  test('lets a machine die when its time has come, and the watch tells it', async () => {
    await using subject = await fakeSubject({ script: createScript([{ on: 'boot', diesAfterMs: 30 }]) })
    await using lab = await createLab(subject)
    await using exits = createFakeExits()
    const machine = await lab.booted()
    await new Promise<void>((resolve) => exits.watch('it', machine.process, resolve))
    expect(await lab.driver.recover(machine)).toBe('dead')
  })
})

describe('a fake', () => {
  test('is unusable when its guest agent is not there', async () => {
    const driver = createFakeDriver({ installation: 'none', guestPath: '/nonexistent/guestd' })
    const probe = await driver.probe(soon())
    expect(probe).toMatchObject({ usable: false, tier: 'none' })
    expect(probe.reason).toContain('/nonexistent/guestd')
  })

  test('does not take the machines of another installation for strays', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'fake-other-'))
    await using other = createFakeDriver({ installation: dir })
    await using subject = await fakeSubject()
    await using lab = await createLab(subject)
    const shell = await lab.shell()
    expect(await other.strays([])).toEqual([])
    expect((await lab.driver.strays([])).map(({ pid }) => pid)).toEqual([shell.process.pid])
    await rm(dir, { recursive: true })
  })

  test('network gives each machine a port of its own and takes slots again', async () => {
    const network = createFakeNetwork()
    const nics = await Promise.all([network.acquire(), network.acquire(), network.acquire()])
    expect(new Set(nics.map(({ slot }) => slot))).toEqual(new Set([0, 1, 2]))
    expect(new Set(nics.map(({ guestPort }) => guestPort)).size).toBe(3)
    await network.release(nics[1]!)
    expect(await network.leaks([nics[0]!])).toMatchObject([{ name: 'slot 2' }])
    expect((await network.acquire()).slot).toBe(1)
  })
})
