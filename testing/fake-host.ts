// A host in this process that does what a test tells it to: enough of an agent to prove core and API against, without
// an engine. Machines, intents, generations, deadlines and reports behave as the host wire says.

import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  HostInfo,
  MachineReport,
  MachineSpec,
  MachineState,
} from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { ChangedFile } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import type { HostLink } from '@pandastack/core/hosts/hosts.ts'
import { HostRefused, HostUnreachable } from '@pandastack/core/ports/host-port.ts'
import type { HostPort } from '@pandastack/core/ports/host-port.ts'
import { PortClosed } from '@pandastack/core/ports/guest-port.ts'
import type { GuestPort, GuestReply, GuestRequest } from '@pandastack/core/ports/guest-port.ts'

import { createFakeSnapshots } from './fake-snapshots.ts'
import type { Content, FakeSnapshots } from './fake-snapshots.ts'

export interface FakeMachine {
  spec: MachineSpec
  report: MachineReport
  /** What a capture keeps of it: files, as far as the guest of a test has any. */
  content: Content
}

export interface FakeHost extends HostLink {
  readonly machines: Map<string, FakeMachine>
  /** Every spec in the order of its arrival. */
  readonly asked: MachineSpec[]
  readonly snapshots: FakeSnapshots
  bootMs: number
  machinesMax: number
  /** Calls fail while true. */
  away: boolean
  /** The next machine that boots fails for this reason. */
  failNext: MachineReport['reason']
  /** That each machine has used so far. */
  cpuSeconds: number
  /** Ends machines at the time it was told, as an agent does. */
  enforcesExpiry: boolean
  answer: (machineId: string, request: GuestRequest) => GuestReply | Promise<GuestReply>
  living(): FakeMachine[]
  of(sandboxId: string): FakeMachine
  /** Moves a machine by itself, as an engine that dies does. */
  become(machine: FakeMachine, state: MachineState, reason?: MachineReport['reason']): void
  /** Sends a report as it is to whoever follows. */
  say(report: MachineReport): void
  /** Puts a machine into the ledger that nobody asked for. */
  plant(spec: MachineSpec): FakeMachine
}

const ended = (state: MachineState): boolean => state === 'gone' || state === 'failed' || state === 'saved'

export const createFakeHost = (name = 'local'): FakeHost => {
  const machines = new Map<string, FakeMachine>()
  const followers = new Set<(report: MachineReport) => void>()
  const waiters = new Set<() => void>()
  const unsaved = new Map<string, number>()
  const snapshots = createFakeSnapshots()
  const timers = new Map<string, NodeJS.Timeout>()

  const say = (report: MachineReport): void => {
    for (const follower of followers) follower({ ...report })
  }

  /** Into the snapshot that was asked for, or on as before. */
  const save = async (machine: FakeMachine): Promise<void> => {
    const { intent, saveAs = '' } = machine.spec
    const before = machine.report.state
    become(machine, 'saving')
    await sleep(snapshots.captureMs)
    const { state, failure } = snapshots.keep(saveAs, true, machine.content)
    if (state === 'ready') return become(machine, 'saved')
    unsaved.set(machine.spec.machineId, intent)
    machine.report = { ...machine.report, saveFailure: failure }
    become(machine, before)
  }

  const become: FakeHost['become'] = (machine, state, reason = null) => {
    if (ended(machine.report.state)) return
    machine.report = {
      ...machine.report,
      generation: machine.report.generation + 1,
      intent: machine.spec.intent,
      state,
      reason,
      message: reason && `scripted: ${reason}`,
      ...(state === 'running' && { bootMode: 'snapshot', bootMs: fake.bootMs, guestIp: '10.0.0.2' }),
    }
    if (ended(state)) clearTimeout(timers.get(machine.spec.machineId))
    say(machine.report)
    for (const wake of waiters) wake()
  }

  const boot = async (machine: FakeMachine): Promise<void> => {
    const reason = fake.failNext
    fake.failNext = null
    await sleep(fake.bootMs)
    if (machine.spec.desired === 'gone') return
    const { source } = machine.spec
    const held = source.kind === 'snapshot' ? snapshots.held.get(source.snapshotId) : null
    if (reason) become(machine, 'failed', reason)
    else if (held === undefined) become(machine, 'failed', 'snapshot_missing')
    else {
      if (held) machine.content = new Map(held.content)
      become(machine, machine.spec.desired === 'paused' ? 'paused' : 'running')
    }
  }

  const armExpiry = (machine: FakeMachine): void => {
    const { machineId, expiresAtUnixMs } = machine.spec
    clearTimeout(timers.get(machineId))
    if (expiresAtUnixMs === null || !fake.enforcesExpiry) return
    const timer = setTimeout(
      () => become(machine, 'gone', 'expired'),
      Math.min(Math.max(0, expiresAtUnixMs - Date.now()), 2 ** 30),
    )
    timer.unref()
    timers.set(machineId, timer)
  }

  const add = (spec: MachineSpec): FakeMachine => {
    const machine: FakeMachine = { spec, report: firstReport(spec), content: new Map() }
    machines.set(spec.machineId, machine)
    say(machine.report)
    return machine
  }

  const apply = (spec: MachineSpec): FakeMachine => {
    const known = machines.get(spec.machineId)
    if (known && spec.intent < known.spec.intent)
      throw new HostRefused('a later intent is known', { status: 409, code: 'stale_intent' })
    const machine = known ?? add(spec)
    machine.spec = spec
    armExpiry(machine)
    if (spec.desired === 'gone') become(machine, 'gone')
    else if (!known) void boot(machine)
    else if (spec.desired === 'saved') {
      const can = machine.report.state === 'running' || machine.report.state === 'paused'
      if (can && unsaved.get(spec.machineId) !== spec.intent) void save(machine)
    } else if (machine.report.state !== 'starting' && machine.report.state !== spec.desired)
      become(machine, spec.desired)
    return machine
  }

  const settled = async (machine: FakeMachine, waitMs: number, signal?: AbortSignal): Promise<void> => {
    const deadline = Date.now() + waitMs
    const done = (): boolean => {
      const { state } = machine.report
      const { desired, intent, machineId } = machine.spec
      return state === desired || ended(state) || (desired === 'saved' && unsaved.get(machineId) === intent)
    }
    while (!done() && Date.now() < deadline) {
      signal?.throwIfAborted()
      const { promise, resolve } = Promise.withResolvers<void>()
      waiters.add(resolve)
      signal?.addEventListener('abort', () => resolve(), { once: true })
      const timer = setTimeout(resolve, Math.max(0, deadline - Date.now()))
      await promise
      clearTimeout(timer)
      waiters.delete(resolve)
    }
    signal?.throwIfAborted()
  }

  const reachable = (): void => {
    if (fake.away) throw new HostUnreachable('the host is away')
  }

  const host: HostPort = {
    async ensure(spec, { waitMs, signal }) {
      await sleep(0)
      reachable()
      fake.asked.push(spec)
      const machine = apply(spec)
      await settled(machine, waitMs, signal)
      reachable()
      return { ...machine.report }
    },
    async machines() {
      reachable()
      return [...machines.values()].map(({ report }) => ({ ...report }))
    },
    async forget(machineId) {
      reachable()
      const machine = machines.get(machineId)
      if (machine && ended(machine.report.state)) machines.delete(machineId)
    },
    async takeSnapshot(spec) {
      reachable()
      const report = await snapshots.take(spec, (machineId) => {
        const machine = machines.get(machineId)
        return machine && !ended(machine.report.state) ? machine.content : undefined
      })
      reachable()
      return report
    },
    async snapshots() {
      reachable()
      return [...snapshots.held.values()].map(({ report }) => report)
    },
    async dropSnapshot(snapshotId) {
      reachable()
      snapshots.held.delete(snapshotId)
    },
    async changes(of) {
      reachable()
      const content =
        'machineId' in of ? machines.get(of.machineId)?.content : snapshots.held.get(of.snapshotId)?.content
      return { files: [...(content ?? [])].map(added), truncated: false, image: 'fake' }
    },
    async stats(machineId) {
      reachable()
      const machine = machines.get(machineId)
      return machine && !ended(machine.report.state)
        ? {
            pid: 4711,
            uptimeSeconds: 1,
            cpuSeconds: fake.cpuSeconds,
            cpuPercent: 0.5,
            rssBytes: 1024,
            vszBytes: 4096,
            threads: 3,
          }
        : null
    },
    async follow(onReport, signal) {
      for (const { report } of machines.values()) onReport({ ...report })
      followers.add(onReport)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      followers.delete(onReport)
    },
    async info() {
      reachable()
      return infoOf(name, fake.machinesMax, fake.living().length)
    },
    async bake(template, onProgress) {
      reachable()
      onProgress(`baking ${template}`, 50)
    },
    leaks: async () => ({ leaks: [] }),
  }

  const guest: GuestPort = {
    async request(machineId, _token, request) {
      reachable()
      return fake.answer(machineId, request)
    },
    async tunnel(): Promise<Duplex> {
      throw new PortClosed('nothing listens')
    },
    release: () => {},
  }

  const fake: FakeHost = {
    name,
    host,
    guest,
    machines,
    snapshots,
    cpuSeconds: 1,
    asked: [],
    bootMs: 5,
    machinesMax: 100,
    away: false,
    failNext: null,
    enforcesExpiry: false,
    answer: () => ({ status: 200, headers: {}, body: Readable.from(['{}']) }),
    living: () => [...machines.values()].filter(({ report }) => !ended(report.state)),
    of(sandboxId) {
      const found = [...machines.values()].find(({ spec }) => spec.sandboxId === sandboxId)
      if (!found) throw new Error(`no machine of ${sandboxId}`)
      return found
    },
    become,
    say,
    plant(spec) {
      const machine = add(spec)
      become(machine, 'running')
      return machine
    },
  }
  return fake
}

const added = ([path, text]: [string, string]): ChangedFile => ({
  path,
  change: 'added',
  kind: 'file',
  sizeBytes: text.length,
  mode: 0o644,
  sha256: `sum of ${text}`,
  baseSha256: null,
  text,
  baseText: null,
})

const firstReport = (spec: MachineSpec): MachineReport => ({
  machineId: spec.machineId,
  sandboxId: spec.sandboxId,
  generation: 1,
  intent: spec.intent,
  state: 'starting',
  tier: 'none',
  driver: 'fake',
  bootMode: null,
  bootMs: null,
  guestIp: null,
  reason: null,
  message: null,
})

const infoOf = (name: string, machinesMax: number, machines: number): HostInfo => ({
  hostId: name,
  version: '0',
  driver: 'fake',
  tier: 'none',
  tierReason: 'nothing is isolated in a test',
  cpus: 4,
  memoryMb: 16_384,
  machinesMax,
  machines,
  templates: [{ name: 'base', state: 'baked', sizeBytes: 1_000_000, cpu: 2, memoryMb: 1024 }],
})
