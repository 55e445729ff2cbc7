// The real agent on a fake host: snapshots of its machines, and machines made from them.

import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MachineReport, MachineSpec } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { startFakeHost } from '@pandastack/driver-fake/host.ts'
import { silentLog } from '@pandastack/kit/log/log.ts'
import { armFailpoints, disarmFailpoints } from '@pandastack/kit/failpoint/failpoint.ts'
import { createAgent, type Agent } from '../agent.ts'
import { SnapshotMissing } from './errors.ts'

const waitMs = 20_000
const token = 'x'.repeat(32)

let dir: string
let parts: AsyncDisposableStack
let agent: Agent
let freeSpaceLow: boolean

const start = async (): Promise<void> => {
  parts = new AsyncDisposableStack()
  const host = parts.use(await startFakeHost({ dir }))
  const storage = { ...host.storage, freeSpace: async () => ({ freeBytes: 1, low: freeSpaceLow }) }
  const ports = { ...host, storage, log: silentLog() }
  agent = parts.use(await createAgent(ports, { stateDir: dir, version: '1', shelfSize: 1 }))
}

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'snapshots-'))
  freeSpaceLow = false
  await start()
})
afterEach(async () => {
  disarmFailpoints()
  await agent.machines.endAll()
  for (const { snapshotId } of agent.snapshots.all()) await agent.snapshots.remove(snapshotId)
  expect(await agent.leaks()).toEqual({ leaks: [] })
  expect(await readdir(path.join(dir, 'snapshots')).catch(() => [])).toEqual([])
  await parts[Symbol.asyncDispose]()
  await rm(dir, { recursive: true })
})

const specOf = (change: Partial<MachineSpec> = {}): MachineSpec => ({
  machineId: randomUUID(),
  sandboxId: randomUUID(),
  intent: 1,
  desired: 'running',
  source: { kind: 'template', template: 'base' },
  resources: { cpu: 2, memoryMb: 1024, diskMb: 8192 },
  hostname: 'h',
  env: {},
  guestToken: token,
  expiresAtUnixMs: null,
  ...change,
})
const ensure = (spec: MachineSpec): Promise<MachineReport> => agent.machines.ensure(spec, waitMs)
const from = (snapshotId: string, digest = ''): MachineSpec['source'] => ({
  kind: 'snapshot',
  template: 'base',
  snapshotId,
  digest,
  guestToken: token,
})

/** What the machine has counted to, one more with each call. */
const count = async (spec: MachineSpec): Promise<number> => {
  const nic = agent.machines.get(spec.machineId)?.handle?.place.nic
  const reply = await fetch(`http://${nic?.hostAddress}:${nic?.guestPort}/fake/count`, { method: 'POST' })
  return ((await reply.json()) as { count: number }).count
}

const running = async (): Promise<MachineSpec> => {
  const spec = specOf()
  expect(await ensure(spec)).toMatchObject({ state: 'running' })
  await count(spec)
  return spec
}
const take = (spec: MachineSpec, durable = true, snapshotId: string = randomUUID()) =>
  agent.take({ snapshotId, from: { kind: 'machine', machineId: spec.machineId }, durable })

test('a machine made from a snapshot goes on where the captured one stood, and that one runs on', async () => {
  const source = await running()
  const taken = await take(source)
  expect(taken).toMatchObject({ state: 'ready', durable: true, failure: null })
  expect(taken.digest).toMatch(/^[0-9a-f]{64}$/)
  expect(await count(source)).toBe(2)
  const copies = [
    specOf({ source: from(taken.snapshotId, taken.digest) }),
    specOf({ source: from(taken.snapshotId) }),
  ]
  for (const copy of copies) {
    expect(await ensure(copy)).toMatchObject({ state: 'running', bootMode: 'snapshot' })
    expect(await count(copy)).toBe(2)
  }
})

test('asked for again it is the same one; of nothing there is none', async () => {
  const source = await running()
  const first = await take(source)
  expect(await take(source, true, first.snapshotId)).toEqual(first)
  await expect(take(specOf())).rejects.toThrow(SnapshotMissing)
  await ensure({ ...source, desired: 'gone', intent: 2 })
  await expect(take(source)).rejects.toThrow(SnapshotMissing)
  expect(await take(source, true, first.snapshotId)).toEqual(first)
})

test('a paused machine is captured and stays paused', async () => {
  const source = await running()
  await ensure({ ...source, desired: 'paused', intent: 2 })
  const { snapshotId } = await take(source, false)
  expect(agent.machines.get(source.machineId)?.report.state).toBe('paused')
  const copy = specOf({ source: from(snapshotId) })
  expect(await ensure(copy)).toMatchObject({ state: 'running' })
  expect(await count(copy)).toBe(2)
})

test('a copy of a snapshot is one of its own', async () => {
  const source = await running()
  const first = await take(source)
  const second = await agent.take({
    snapshotId: randomUUID(),
    from: { kind: 'snapshot', snapshotId: first.snapshotId },
    durable: true,
  })
  expect(second.state).toBe('ready')
  expect(second.digest).not.toBe(first.digest)
  await agent.snapshots.remove(first.snapshotId)
  expect(await ensure(specOf({ source: from(second.snapshotId, second.digest) }))).toMatchObject({
    state: 'running',
  })
})

test('saved, a machine is over, and its snapshot has all of it', async () => {
  const source = await running()
  const saveAs = randomUUID()
  const report = await ensure({ ...source, desired: 'saved', saveAs, intent: 2 })
  expect(report).toMatchObject({ state: 'saved', intent: 2 })
  expect(agent.machines.get(source.machineId)?.handle).toBeNull()
  const woken = specOf({ source: from(saveAs) })
  expect(await ensure(woken)).toMatchObject({ state: 'running' })
  expect(await count(woken)).toBe(2)
})

test('without room nothing is captured: a machine that was to be saved goes on, and deletes work', async () => {
  const source = await running()
  const { snapshotId } = await take(source)
  freeSpaceLow = true
  expect(await take(source)).toMatchObject({ state: 'failed', failure: { code: 'no_space' } })
  const kept = await ensure({ ...source, desired: 'saved', saveAs: randomUUID(), intent: 2 })
  expect(kept).toMatchObject({ state: 'running', saveFailure: { code: 'no_space' } })
  expect(await count(source)).toBe(2)
  await agent.snapshots.remove(snapshotId)
  expect(await readdir(path.join(dir, 'snapshots'))).toEqual([])
  freeSpaceLow = false
  const saved = await ensure({ ...source, desired: 'saved', saveAs: randomUUID(), intent: 3 })
  expect(saved).toMatchObject({ state: 'saved' })
})

test('one flipped byte in any file is refused before a guest runs, and the byte put back is taken', async () => {
  const source = await running()
  const { snapshotId, digest } = await take(source)
  const home = path.join(dir, 'snapshots', snapshotId)
  const names = await readdir(home)
  expect(names.length).toBeGreaterThan(2)
  for (const name of names) {
    const file = path.join(home, name)
    const whole = await readFile(file)
    const broken = Buffer.from(whole)
    broken[Math.floor(broken.length / 2)]! ^= 1
    await rm(file)
    await writeFile(file, broken)
    const refused = await ensure(specOf({ source: from(snapshotId, digest) }))
    expect([name, refused.state, refused.reason]).toEqual([name, 'failed', 'snapshot_corrupt'])
    await rm(file)
    await writeFile(file, whole)
    expect(await ensure(specOf({ source: from(snapshotId, digest) }))).toMatchObject({ state: 'running' })
  }
})

test('another content under its id, and no content at all, are refused', async () => {
  const source = await running()
  const { snapshotId } = await take(source)
  const wrong = await ensure(specOf({ source: from(snapshotId, 'f'.repeat(64)) }))
  expect(wrong).toMatchObject({ state: 'failed', reason: 'snapshot_corrupt' })
  await agent.snapshots.remove(snapshotId)
  const gone = await ensure(specOf({ source: from(snapshotId) }))
  expect(gone).toMatchObject({ state: 'failed', reason: 'snapshot_missing' })
})

test('the next agent knows the lasting ones, checks them, and takes away the passing ones', async () => {
  const source = await running()
  const [lasting, passing] = [await take(source), await take(source, false)]
  await parts[Symbol.asyncDispose]()
  await start()
  expect(agent.snapshots.all()).toMatchObject([{ snapshotId: lasting.snapshotId, digest: lasting.digest }])
  expect(await readdir(path.join(dir, 'snapshots'))).toEqual([lasting.snapshotId])
  expect(await ensure(specOf({ source: from(passing.snapshotId) }))).toMatchObject({
    reason: 'snapshot_missing',
  })
  expect(await ensure(specOf({ source: from(lasting.snapshotId, lasting.digest) }))).toMatchObject({
    state: 'running',
  })
})

test('one whose manifest cannot be read is kept, refused by name, and taken once it can be read', async () => {
  const source = await running()
  const { snapshotId, digest } = await take(source)
  await parts[Symbol.asyncDispose]()
  const manifest = path.join(dir, 'snapshots', snapshotId, 'manifest.json')
  const whole = await readFile(manifest)
  await rm(manifest)
  await writeFile(manifest, whole.subarray(0, 10))
  await start()
  const refused = await ensure(specOf({ source: from(snapshotId, digest) }))
  expect(refused).toMatchObject({ state: 'failed', reason: 'snapshot_corrupt' })
  expect(agent.snapshots.all()).toMatchObject([{ snapshotId, state: 'failed' }])
  await rm(manifest)
  await writeFile(manifest, whole)
  expect(await ensure(specOf({ source: from(snapshotId, digest) }))).toMatchObject({ state: 'running' })
  expect(agent.snapshots.all()).toMatchObject([{ snapshotId, state: 'ready', digest }])
})

test("two that have taken each other's place are refused by the next agent, and taken when each is back", async () => {
  const source = await running()
  const both = [await take(source), await take(source)]
  const [one, two] = both.map(({ snapshotId }) => path.join(dir, 'snapshots', snapshotId)) as [string, string]
  const exchange = async (): Promise<void> => {
    await rename(one, `${one}.aside`)
    await rename(two, one)
    await rename(`${one}.aside`, two)
  }
  await parts[Symbol.asyncDispose]()
  await exchange()
  await start()
  for (const { snapshotId, digest } of both)
    expect(await ensure(specOf({ source: from(snapshotId, digest) }))).toMatchObject({
      reason: 'snapshot_corrupt',
    })
  await exchange()
  for (const { snapshotId, digest } of both)
    expect(await ensure(specOf({ source: from(snapshotId, digest) }))).toMatchObject({ state: 'running' })
})

test('a machine that was being saved when its agent died is saved by the next one', async () => {
  const source = await running()
  const saveAs = randomUUID()
  armFailpoints('machine.saving=throw@1')
  await agent.machines.ensure({ ...source, desired: 'saved', saveAs, intent: 2 }, 200)
  expect(agent.machines.get(source.machineId)?.report.state).toBe('saving')
  await parts[Symbol.asyncDispose]()
  disarmFailpoints()
  await start()
  expect(agent.machines.get(source.machineId)?.report).toMatchObject({ state: 'saved' })
  expect(agent.snapshots.get(saveAs)?.state).toBe('ready')
})

test('a snapshot is not taken away under a machine that is being restored from it', async () => {
  const source = await running()
  const { snapshotId } = await take(source)
  armFailpoints('machine.shell-taken=delay:300')
  const copying = ensure(specOf({ source: from(snapshotId) }))
  await expect.poll(() => agent.machines.all().length).toBe(2)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await agent.snapshots.remove(snapshotId)
  expect(await copying).toMatchObject({ state: 'running' })
  await expect.poll(() => readdir(path.join(dir, 'snapshots'))).toEqual([])
})
