// The real agent on a fake host: what it does with machines, whatever the driver.

import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MachineSpec } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { startFakeHost } from '@pandastack/driver-fake/host.ts'
import { silentLog } from '@pandastack/kit/log/log.ts'
import { createAgent, type Agent } from './agent.ts'
import { StaleIntent } from './machines/machines.ts'

let dir: string
let parts: AsyncDisposableStack
let agent: Agent

const start = async (): Promise<{ agent: Agent; parts: AsyncDisposableStack }> => {
  const stack = new AsyncDisposableStack()
  const host = stack.use(await startFakeHost({ dir }))
  const options = { stateDir: dir, version: '1', shelfSize: 1 }
  return { agent: stack.use(await createAgent({ ...host, log: silentLog() }, options)), parts: stack }
}

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'agent-'))
  ;({ agent, parts } = await start())
})
afterEach(async () => {
  await agent.machines.endAll()
  expect(await agent.leaks()).toEqual({ leaks: [] })
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
  guestToken: 'x'.repeat(32),
  expiresAtUnixMs: null,
  ...change,
})
const waitMs = 20_000

test('a machine runs, is paused, goes on, and is gone; each step raises its generation', async () => {
  const spec = specOf()
  const states = ['running', 'paused', 'running', 'gone'] as const
  let generation = 0
  for (const [index, desired] of states.entries()) {
    const report = await agent.machines.ensure({ ...spec, desired, intent: index + 1 }, waitMs)
    expect(report).toMatchObject({ state: desired, intent: index + 1, reason: null })
    expect(report.generation).toBeGreaterThan(generation)
    generation = report.generation
  }
})

test('the same specification again changes nothing, an older one is refused', async () => {
  const spec = specOf({ intent: 5 })
  const first = await agent.machines.ensure(spec, waitMs)
  expect(await agent.machines.ensure(spec, waitMs)).toEqual(first)
  await expect(agent.machines.ensure({ ...spec, intent: 4 }, waitMs)).rejects.toThrow(StaleIntent)
})

test('a template that nobody knows fails the machine with its reason and leaves nothing', async () => {
  const report = await agent.machines.ensure(
    specOf({ source: { kind: 'template', template: 'none' } }),
    waitMs,
  )
  expect(report).toMatchObject({ state: 'failed', reason: 'unknown_template' })
})

test('a machine whose process dies is failed, with the reason', async () => {
  const spec = specOf()
  await agent.machines.ensure(spec, waitMs)
  process.kill(agent.machines.get(spec.machineId)?.handle?.process.pid ?? 0, 'SIGKILL')
  for (let tries = 0; agent.machines.get(spec.machineId)?.report.state === 'running' && tries < 500; tries++)
    await sleep(20)
  expect(agent.machines.get(spec.machineId)?.report).toMatchObject({ state: 'failed', reason: 'driver_died' })
})

test('a machine that dies while it is ended is gone, and nothing else happens', async () => {
  for (let round = 0; round < 10; round++) {
    const spec = specOf()
    await agent.machines.ensure(spec, waitMs)
    process.kill(agent.machines.get(spec.machineId)?.handle?.process.pid ?? 0, 'SIGKILL')
    await sleep(round)
    const report = await agent.machines.ensure({ ...spec, desired: 'gone', intent: 2 }, waitMs)
    expect(report.state).toBe('gone')
  }
})

test('a machine ends by itself when its time is over', async () => {
  const spec = specOf({ expiresAtUnixMs: Date.now() + 300 })
  await agent.machines.ensure(spec, waitMs)
  for (let tries = 0; agent.machines.get(spec.machineId)?.report.state !== 'gone' && tries < 500; tries++)
    await sleep(20)
  expect(agent.machines.get(spec.machineId)?.report).toMatchObject({ state: 'gone', reason: 'expired' })
})

test('an agent that follows another finds the machines that run and the one that died', async () => {
  const [alive, dead] = [specOf(), specOf()]
  await agent.machines.ensure(alive, waitMs)
  await agent.machines.ensure(dead, waitMs)
  const pid = agent.machines.get(alive.machineId)?.handle?.process.pid
  const deadPid = agent.machines.get(dead.machineId)?.handle?.process.pid ?? 0
  await parts[Symbol.asyncDispose]()
  process.kill(deadPid, 'SIGKILL')
  await sleep(50)
  ;({ agent, parts } = await start())
  expect(agent.machines.get(alive.machineId)?.report.state).toBe('running')
  expect(agent.machines.get(alive.machineId)?.handle?.process.pid).toBe(pid)
  expect(agent.machines.get(dead.machineId)?.report.state).toBe('failed')
})

test('a template with a damaged byte is baked anew, and its machines run', async () => {
  await agent.machines.ensure(specOf(), waitMs)
  const templates = path.join(dir, 'templates')
  const [name = ''] = await readdir(templates)
  const file = path.join(templates, name, 'memory.json')
  const text = await readFile(file, 'utf8')
  await rm(file)
  await writeFile(file, text.replace('"counter":0', '"counter":7'))
  const report = await agent.machines.ensure(specOf(), waitMs)
  expect(report).toMatchObject({ state: 'running', bootMode: 'cold' })
  expect(await readFile(file, 'utf8')).toBe(text)
})
