// The conformance suite on the real engine (root, runsc, network slots, control groups), and what is this driver's own:
// commands cut short at any moment, and captures that cannot be written.

import { readdirSync, readFileSync, readlinkSync, statSync, truncateSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeDriver } from '@pandastack/driver/conformance/describe-driver.ts'
import { createLab, soon, type Lab } from '@pandastack/driver/conformance/lab.ts'
import { identity } from '@pandastack/kit/process/identity.ts'
import { runChecked } from '@pandastack/kit/process/run.ts'
import type { DriverError } from '@pandastack/driver/driver.ts'
import type { Snapshot } from '@pandastack/driver/values.ts'
import { testGvisor, whyNoGvisor } from '@pandastack/testing/gvisor.ts'
import type { GvisorSubject } from './fixtures/subject.ts'
import { createGvisorDriver } from './index.ts'

const isOurs = (pid: number, { config }: GvisorSubject): boolean => {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return path.basename(args[0] ?? '') === 'restorer' && args.includes(`--root=${config.stateDir}`)
  } catch {
    return false
  }
}

/** Empty where it was closed meanwhile. */
const linkOf = (link: string): string => {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}

const reason = await whyNoGvisor()
if (reason === null) describeDriver('gvisor', testGvisor)
else console.log(`SKIP the gVisor driver: ${reason}`)

describe.skipIf(reason !== null)('the gVisor driver', () => {
  let subject: GvisorSubject
  let lab: Lab
  let snapshot: Snapshot

  beforeAll(async () => {
    subject = await testGvisor()
    await using first = await createLab(subject)
    const machine = await first.booted()
    await first.talk(machine).count()
    snapshot = await first.captured(machine)
  })
  beforeEach(async () => {
    lab = await createLab(subject)
  })
  afterEach(() => lab[Symbol.asyncDispose]())
  afterAll(() => subject?.[Symbol.asyncDispose]())

  /** What runsc keeps of machines; the namespace belongs to all of them. */
  const records = (): string[] => readdirSync(subject.config.stateDir).filter((name) => name !== 'null-netns')

  /** A zombie is nobody's any more, and only waits for whoever has inherited it. */
  const running = async (machineId: string): Promise<number[]> =>
    (await subject.cgroups.at(machineId).pids()).filter((pid) => identity(pid) !== null)

  test('leaves neither process nor record of shells given up at any moment', async () => {
    for (let ms = 20; ms <= 180; ms += 8) {
      const place = await lab.place()
      const made = await lab.driver
        .prepare(place, subject.image, subject.limits, AbortSignal.timeout(ms))
        .catch(() => null)
      if (made) await lab.driver.kill(made)
      expect(await running(place.machineId), `${ms} ms`).toEqual([])
      expect(records(), `${ms} ms`).toEqual([])
    }
  })

  test('leaves neither process nor record of restores given up at any moment', async () => {
    for (let ms = 4; ms <= 100; ms += 8) {
      const shell = await lab.shell()
      await lab.driver.restore(shell, snapshot, AbortSignal.timeout(ms)).catch(() => undefined)
      await lab.driver.kill(shell)
      expect(await running(shell.machineId), `${ms} ms`).toEqual([])
      expect(records(), `${ms} ms`).toEqual([])
    }
  })

  test('keeps nothing of a restored machine open, so that its network can go when it goes', async () => {
    const sockets = (): number => {
      const programs = readdirSync('/proc').filter((pid) => isOurs(Number(pid), subject))
      expect(programs).toHaveLength(1)
      const fds = `/proc/${programs[0]}/fd`
      const links = readdirSync(fds).filter((fd) => Number(fd) > 2)
      return links.filter((fd) => linkOf(path.join(fds, fd)).startsWith('socket:')).length
    }
    for (let restores = 1; restores <= 3; restores++) await lab.restored(snapshot)
    await expect.poll(sockets, { timeout: 10_000 }).toBe(0)
  })

  test('comes to the end of a pause and of a resume whose asker is gone', async () => {
    const machine = await lab.restored(snapshot)
    const [restorer, ...flags] = subject.restorerCommand
    for (const [verb, state] of [
      ['pause', 'paused'],
      ['resume', 'running'],
    ] as const) {
      const stdin = `${JSON.stringify({ key: '1', verb, id: machine.machineId })}\n`
      await runChecked(restorer, flags, { deadlineMs: 30_000, stdin })
      expect(await lab.driver.recover(machine)).toBe(state)
    }
    expect(await lab.talk(machine).count()).toBe(2)
  })

  test('keeps a machine that was to end with its capture, when that is given up or cannot be written', async () => {
    let machine = await lab.restored(snapshot)
    await subject.call(machine, 'POST', '/eat?n=64')
    const elsewhere = path.join(snapshot.dir, 'checkpoint.img')
    await expect(lab.driver.capture(machine, elsewhere, { leaveRunning: false }, soon())).rejects.toThrow()
    expect(await lab.talk(machine).count()).toBe(2)
    for (const ms of [10, 40, 70]) {
      const dir = await subject.makeDir()
      const done = await lab.driver
        .capture(machine, dir, { leaveRunning: false }, AbortSignal.timeout(ms))
        .then(() => true)
        .catch(() => false)
      // It may be faster than that.
      if (done) machine = await lab.restored({ ...snapshot, dir })
    }
    expect(await lab.driver.recover(machine)).toBe('running')
    expect(await lab.talk(machine).count()).toBe(3)
    const copy = await lab.restored(await lab.captured(machine, { leaveRunning: false }))
    expect(await lab.talk(copy).count()).toBe(4)
  })

  test('tells that a running machine stood still for its capture, also where it is ended by it', async () => {
    const machine = await lab.restored(snapshot)
    for (const leaveRunning of [true, false]) {
      const captured = await lab.driver.capture(machine, await subject.makeDir(), { leaveRunning }, soon())
      expect(captured.pauseMs).toBeGreaterThan(0)
    }
  })

  test('does all of it by commands of runsc where it has no restorer', async () => {
    const { restorer: _, ...config } = { restorer: undefined, ...subject.config }
    lab.driver = createGvisorDriver(config)
    expect(lab.driver.capabilities.changedFiles).toBe(false)
    const machine = await lab.restored(snapshot)
    await lab.driver.pause(machine, soon())
    expect(await lab.driver.recover(machine)).toBe('paused')
    const { pauseMs } = await lab.driver.capture(
      machine,
      await subject.makeDir(),
      { leaveRunning: true },
      soon(),
    )
    expect(pauseMs).toBe(0)
    const copy = await lab.restored(await lab.captured(machine))
    expect(await lab.talk(copy).count()).toBe(2)
    await lab.driver.resume(machine, soon())
    expect(await lab.driver.recover(machine)).toBe('running')
    const file = path.join(await subject.makeDir(), 'changes')
    const look = lab.driver.changes(machine, file, { entriesMax: 1 }, soon())
    await expect(look).rejects.toMatchObject({ kind: 'unusable' })
    const last = await lab.restored(await lab.captured(machine, { leaveRunning: false }))
    expect(await lab.driver.recover(machine)).toBe('dead')
    expect(await lab.talk(last).count()).toBe(2)
  })

  test('refuses a snapshot when any of its files is missing or cut short', async () => {
    for (const name of readdirSync(snapshot.dir)) {
      for (const harm of ['cut', 'missing'] as const) {
        const dir = await subject.makeDir()
        const file = path.join(dir, name)
        await cp(snapshot.dir, dir, { recursive: true })
        if (harm === 'cut') truncateSync(file, Math.floor(statSync(file).size / 2))
        else await rm(file)
        const restore = lab.driver.restore(await lab.shell(), { ...snapshot, dir }, soon())
        const kind = await restore.then(
          () => 'restored',
          (error: DriverError) => error.kind,
        )
        expect(['corrupt_snapshot', 'failed'], `${name} ${harm}`).toContain(kind)
      }
    }
    expect(await lab.talk(await lab.restored(snapshot)).count()).toBe(2)
  })
})
