// What a sandbox is to the host, asked of the kernel: user ids, capabilities, filters, descriptors, environment,
// namespaces, limits, files. Two running machines, because much of it is about what they do not share.

import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLab, type Lab } from '@pandastack/driver/conformance/lab.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import { identity } from '@pandastack/kit/process/identity.ts'
import { run } from '@pandastack/kit/process/run.ts'
import { testGvisor, whyNoGvisor } from '@pandastack/testing/gvisor.ts'
import type { GvisorSubject } from './fixtures/subject.ts'
import { uidRange } from './launch.ts'
import { allProcesses } from './processes.ts'

const reason = await whyNoGvisor()
if (reason !== null) console.log(`SKIP the jail of gVisor: ${reason}`)

const deadlineMs = 30_000
const mib = 1_048_576

interface Part {
  pid: number
  verb: 'boot' | 'gofer'
}

/** In their own user namespace: chown, the four about files, chroot for the gofer, ptrace for the kernel's guests. */
const capabilitiesAllowed = 0xc_001fn

const proc = (pid: number, name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8')

const statusOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^(\w+):[ \t]*(.*)$/gm)].map(([, name, value]) => [name, value]))

const threadsOf = (pid: number): Record<string, string>[] =>
  readdirSync(`/proc/${pid}/task`).map((thread) => statusOf(proc(pid, `task/${thread}/status`)))

interface Descriptor {
  target: string
  writable: boolean
}

const descriptorsOf = (pid: number): Descriptor[] =>
  readdirSync(`/proc/${pid}/fd`).map((fd) => {
    const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(proc(pid, `fdinfo/${fd}`))?.[1] ?? '', 8)
    return { target: readlinkSync(`/proc/${pid}/fd/${fd}`), writable: (flags & 3) !== 0 }
  })

const namespacesOf = (pid: number | 'self', names: readonly string[]): string[] =>
  names.map((name) => readlinkSync(`/proc/${pid}/ns/${name}`))

describe.skipIf(reason !== null)('a sandbox', () => {
  let subject: GvisorSubject
  let lab: Lab
  let machines: [MachineHandle, MachineHandle]
  let snapshotDir: string

  beforeAll(async () => {
    subject = await testGvisor()
    lab = await createLab(subject)
    const source = await lab.booted()
    await lab.talk(source).count()
    const snapshot = await lab.captured(source, { leaveRunning: false })
    snapshotDir = snapshot.dir
    machines = [await lab.restored(snapshot), await lab.restored(snapshot)]
    for (const machine of machines) await lab.talk(machine).count()
  })
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]()
    await subject?.[Symbol.asyncDispose]()
  })

  const partsOf = async ({ machineId }: MachineHandle): Promise<Part[]> => {
    const parts = (await allProcesses(subject.config)).filter((process) => process.machineId === machineId)
    expect(parts.map(({ verb }) => verb).sort()).toEqual(['boot', 'gofer'])
    return parts as Part[]
  }
  const pidOf = async (machine: MachineHandle, verb: Part['verb']): Promise<number> =>
    (await partsOf(machine)).find((part) => part.verb === verb)?.pid ?? 0
  /** All of them: its kernel, its gofer, and the processes in which guests run. */
  const pidsOf = async ({ machineId }: MachineHandle): Promise<number[]> => {
    const pids = (await subject.cgroups.at(machineId).pids()).filter((pid) => identity(pid) !== null)
    expect(pids.length).toBeGreaterThan(2)
    return pids
  }
  /** What somebody who has broken out of this machine could do on the host. */
  const as = (machine: MachineHandle, program: string, ...args: string[]) =>
    run(program, args, { deadlineMs, uid: machine.place.uidBase, gid: machine.place.uidBase })

  test('has users and groups of its own, and root inside is none of them outside', async () => {
    for (const machine of machines) {
      const { uidBase } = machine.place
      expect(uidBase).toBeGreaterThan(65_536)
      expect(await subject.call(machine, 'GET', '/uid')).toBe('0')
      for (const pid of await pidsOf(machine)) {
        const { Uid, Gid, Groups } = statusOf(proc(pid, 'status'))
        for (const id of `${Uid} ${Gid} ${Groups}`.trim().split(/\s+/).map(Number)) {
          expect(id).toBeGreaterThanOrEqual(uidBase)
          expect(id).toBeLessThan(uidBase + uidRange)
        }
      }
    }
    const [one, two] = machines
    expect(Math.abs(one.place.uidBase - two.place.uidBase)).toBeGreaterThanOrEqual(uidRange)
  })

  test('has filters on every thread, gains nothing by executing, and has next to no capabilities', async () => {
    for (const machine of machines)
      for (const pid of await pidsOf(machine))
        for (const thread of threadsOf(pid)) {
          expect(thread).toMatchObject({ NoNewPrivs: '1', Seccomp: '2' })
          for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapInh', 'CapAmb'])
            expect(BigInt(`0x${thread[set]}`) & ~capabilitiesAllowed, set).toBe(0n)
        }
  })

  test('writes no core, opens a bounded number of files, and dies before the host does', async () => {
    for (const machine of machines)
      for (const { pid } of await partsOf(machine)) {
        expect(proc(pid, 'limits')).toMatch(/^Max core file size\s+0\s+0\s/m)
        expect(proc(pid, 'limits')).toMatch(/^Max open files\s+16384\s+16384\s/m)
        expect(Number(proc(pid, 'oom_score_adj'))).toBeGreaterThan(0)
      }
  })

  test('holds no descriptor but its own, and can write only its logs and its disk', async () => {
    for (const machine of machines) {
      const own = path.join('machines', machine.machineId)
      const readable = [
        /^\/dev\/null$/,
        /^(anon_inode|pipe|socket):/,
        /^\/memfd:/,
        // The root of its own jail, and the empty directory in it.
        /^\/(root\/run\/pandastack\/anchor)?$/,
        new RegExp(`^/([^/]+/)*${machine.machineId}/(cpu\\.cfs_\\w+_us|cpu\\.max)$`),
        new RegExp(
          `${own}/(config\\.json|root|runsc\\.log|panic\\.log|disk/runsc-filestore-\\d+( \\(deleted\\))?)$`,
        ),
        new RegExp(`^${machine.image.erofsPath}$`),
      ]
      const writable = new RegExp(
        `${own}/(runsc\\.log|panic\\.log|disk/runsc-filestore-\\d+( \\(deleted\\))?)$`,
      )
      for (const { pid } of await partsOf(machine))
        for (const { target, writable: canWrite } of descriptorsOf(pid)) {
          expect(
            readable.some((pattern) => pattern.test(target)),
            target,
          ).toBe(true)
          if (canWrite && !/^(\/dev\/null|(anon_inode|pipe|socket):|\/memfd:)/.test(target))
            expect(target).toMatch(writable)
        }
    }
  })

  test('sees nothing of our environment', async () => {
    for (const machine of machines)
      for (const { pid } of await partsOf(machine)) {
        const names = proc(pid, 'environ')
          .split('\0')
          .filter(Boolean)
          .map((entry) => entry.split('=')[0])
        expect(names.filter((name) => name !== 'PATH')).toEqual([])
      }
  })

  test('has namespaces of its own', async () => {
    const names = ['user', 'mnt', 'pid', 'ipc', 'uts']
    const all = [namespacesOf('self', names)]
    for (const machine of machines)
      for (const { pid } of await partsOf(machine)) all.push(namespacesOf(pid, names))
    expect(new Set(all.flat()).size).toBe(all.length * names.length)
  })

  test('is on no network but its slot, and its gofer on none', async () => {
    for (const machine of machines) {
      const [net] = namespacesOf(await pidOf(machine, 'boot'), ['net'])
      expect(net).toBe(`net:[${statSync(machine.place.nic.netnsPath).ino}]`)
      const gofer = await pidOf(machine, 'gofer')
      expect(namespacesOf(gofer, ['net'])).not.toEqual(namespacesOf('self', ['net']))
      expect(proc(gofer, 'net/dev')).not.toMatch(/^\s*(?!lo:)\w+:/m)
    }
  })

  test('has a root without anything of the host', async () => {
    for (const machine of machines) {
      const [kernel, gofer] = [await pidOf(machine, 'boot'), await pidOf(machine, 'gofer')]
      expect(readdirSync(`/proc/${kernel}/root`).sort()).toEqual(['etc', 'proc'])
      expect(readdirSync(`/proc/${gofer}/root`)).toEqual(['run'])
      expect(
        proc(kernel, 'mountinfo')
          .trim()
          .split('\n')
          .map((line) => line.split(' - ')[1]?.split(' ')[0]),
      ).toEqual(['tmpfs'])
      const mounts = proc(gofer, 'mountinfo').trim().split('\n')
      expect(mounts).toHaveLength(1)
      expect(mounts[0]).toMatch(/ \/run\/pandastack\/anchor ro,nosuid,nodev,noexec/)
    }
  })

  test('was started without sockets, pipes or network of the host', async () => {
    for (const machine of machines) {
      const args = proc(await pidOf(machine, 'boot'), 'cmdline').split('\0')
      expect(args).toEqual(
        expect.arrayContaining([
          '--host-uds=none',
          '--host-fifo=none',
          '--network=sandbox',
          '--platform=systrap',
        ]),
      )
    }
  })

  test('could read neither its own files, nor those of others, nor snapshots, once outside', async () => {
    const [one, two] = machines
    const { stateDir } = subject.config
    const data = path.dirname(stateDir)
    const files = (found: string): string[] => found.split('\n').filter((line) => line !== '')
    const everything = files((await run('find', [data, '-type', 'f'], { deadlineMs })).stdout)
    expect(everything).toEqual(
      expect.arrayContaining([
        path.join(snapshotDir, 'pages.img'),
        path.join(one.place.dir, 'config.json'),
        path.join(two.place.dir, 'config.json'),
      ]),
    )
    const open: string[] = []
    for (const file of everything) if ((await as(one, 'test', '-r', file)).exitCode === 0) open.push(file)
    // Images are the same for everybody, and the gofers' empty network namespace holds nothing of anybody.
    const harmless = (file: string): boolean =>
      file === one.image.erofsPath || file.startsWith(`${data}/tree/`) || file === `${stateDir}/null-netns`
    expect(open.filter((file) => !harmless(file))).toEqual([])
    expect(files((await as(one, 'find', data, '-type', 'f')).stdout)).toEqual([])
    expect((await as(one, 'find', data, '-writable')).stdout).toBe('')
  })

  test('could not rule another one, once outside', async () => {
    const [one, two] = machines
    const socket = path.join(subject.config.stateDir, `runsc-${two.machineId}.sock`)
    expect(statSync(socket).isSocket()).toBe(true)
    expect((await as(one, 'test', '-w', socket)).exitCode).toBe(1)
    for (const { pid } of await partsOf(two)) {
      expect((await as(one, 'kill', '-0', String(pid))).exitCode).not.toBe(0)
      expect((await as(one, 'ls', `/proc/${pid}/fd`)).exitCode).not.toBe(0)
    }
  })
})

describe.skipIf(reason !== null)('the limits of a sandbox', () => {
  let subject: GvisorSubject
  let lab: Lab
  let greedy: MachineHandle
  let neighbour: MachineHandle

  beforeAll(async () => {
    subject = await testGvisor()
    lab = await createLab(subject)
    greedy = await lab.booted()
    await lab.talk(greedy).count()
    neighbour = await lab.restored(await lab.captured(greedy))
  })
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]()
    await subject?.[Symbol.asyncDispose]()
  })

  /** All files of these names in the machine's groups: versions 1 and 2 name them differently. */
  const filesOf = ({ machineId }: MachineHandle, ...names: string[]): string[] =>
    subject.cgroups
      .at(machineId)
      .dirs.flatMap((dir) => names.map((name) => path.join(dir, name)))
      .filter((file) => existsSync(file))
  const setting = (machine: MachineHandle, ...names: string[]): string =>
    filesOf(machine, ...names)
      .map((file) => readFileSync(file, 'utf8').trim())
      .join('\n')

  test('stand in the kernel, and every process is under them', async () => {
    const { limits } = subject
    expect(setting(greedy, 'memory.max', 'memory.limit_in_bytes')).toBe(String((limits.memoryMb + 128) * mib))
    expect(setting(greedy, 'pids.max')).toBe(String(limits.pids + 512))
    expect(setting(greedy, 'cpu.max', 'cpu.cfs_quota_us').split(' ')[0]).toBe(String(limits.cpu * 100_000))
    const parts = (await allProcesses(subject.config)).filter(
      ({ machineId }) => machineId === greedy.machineId,
    )
    for (const { pid } of parts) {
      const groups = proc(pid, 'cgroup')
      for (const controller of ['memory', 'pids', 'cpu'])
        expect(groups).toMatch(
          new RegExp(`^\\d+:(.*\\b${controller}\\b.*)?:/pandastack-\\w+/${greedy.machineId}$`, 'm'),
        )
    }
  })

  test('hold for the disk, and the machine goes on', async () => {
    const { diskMb } = subject.limits
    await expect(subject.call(greedy, 'POST', `/fill?path=/root/full&n=${diskMb + 64}`)).rejects.toThrow(
      /no space/,
    )
    expect(await lab.talk(greedy).count()).toBe(2)
    expect(await lab.talk(neighbour).count()).toBe(2)
  })

  test('hold for the processor, and the neighbour goes on', async () => {
    await subject.call(greedy, 'POST', '/spin?n=4')
    const throttled = () => Number(/nr_throttled (\d+)/.exec(setting(greedy, 'cpu.stat'))?.[1])
    await expect.poll(throttled, { timeout: 20_000 }).toBeGreaterThan(3)
    expect(await lab.talk(neighbour).count()).toBe(3)
  })

  test('hold for processes, and the neighbour goes on', async () => {
    const machine = await lab.restored(await lab.captured(neighbour))
    await lab.talk(machine).count()
    const group = subject.cgroups.at(machine.machineId)
    const running = async (): Promise<number> => (await group.stats()).pids ?? 0
    // Nearer than the one it has, which its memory would not let it reach.
    const most = (await running()) + 16
    for (const file of filesOf(machine, 'pids.max')) writeFileSync(file, String(most))
    const giveUp = new AbortController()
    const asked = subject
      .call(machine, 'POST', '/spawn?n=64', undefined, giveUp.signal)
      .catch((error: unknown) => String(error))
    const refused = async (): Promise<number> => {
      expect(await running()).toBeLessThanOrEqual(most)
      return Number(/max (\d+)/.exec(setting(machine, 'pids.events'))?.[1])
    }
    await expect.poll(refused, { timeout: 20_000 }).toBeGreaterThan(0)
    expect(await lab.talk(neighbour).count()).toBe(4)
    giveUp.abort()
    await lab.driver.kill(machine)
    await asked
    // The dead are counted until whoever has inherited them has buried them.
    await expect.poll(running, { timeout: 20_000 }).toBe(0)
  })

  test('hold for memory: who takes more is ended, and it is known why', async () => {
    const giveUp = new AbortController()
    const asked = subject
      .call(greedy, 'POST', '/eat?n=600', undefined, giveUp.signal)
      .catch((error: unknown) => String(error))
    await expect.poll(() => lab.driver.recover(greedy), { timeout: 60_000 }).toBe('dead')
    giveUp.abort()
    await asked
    expect((await subject.cgroups.at(greedy.machineId).stats()).oomKills).toBeGreaterThan(0)
    expect(await lab.talk(neighbour).count()).toBe(5)
  })
})
