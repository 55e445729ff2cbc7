import { afterEach, beforeEach, expect, test } from 'vitest'
import { newMachineId, newSandboxId } from '@pandastack/contracts/ids.ts'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const create = async (body: object = {}) => (await world.ask('POST', '/v1/sandboxes', body)).body
const get = async (id: string) => (await world.ask('GET', `/v1/sandboxes/${id}`)).body
const types = async (id: string): Promise<string[]> =>
  (await world.ask('GET', `/v1/sandboxes/${id}/events`)).body.events.map(
    (event: { type: string }) => event.type,
  )

test('a machine that dies makes its sandbox failed, with the reason, once', async () => {
  const { id } = await create()
  world.host.become(world.host.of(id), 'failed', 'oom')
  await expect
    .poll(() => get(id))
    .toMatchObject({ status: 'failed', failure: 'it ran out of memory: scripted: oom' })
  expect(await types(id)).toEqual(['sandbox.created', 'sandbox.running', 'vm.died'])
  await expect.poll(() => world.host.machines.size).toBe(0)
  expect((await world.ask('POST', `/v1/sandboxes/${id}/pause`)).body).toEqual({
    error: 'the sandbox is failed',
    code: 'conflict',
  })
  expect((await world.ask('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204)
})

test('a report that is not newer changes nothing', async () => {
  const { id } = await create()
  const machine = world.host.of(id)
  const running = { ...machine.report }
  await world.ask('POST', `/v1/sandboxes/${id}/pause`)
  for (const generation of [1, running.generation, machine.report.generation]) {
    world.host.say({ ...running, generation })
    world.host.say({ ...running, generation, state: 'failed', reason: 'oom' })
  }
  world.host.say({ ...running, machineId: newMachineId(), generation: 99, state: 'failed' })
  world.host.become(machine, 'running')
  // After that the repair may pause it again, because that is what its owner wants.
  const first = async () => (await types(id)).slice(0, 4)
  const expected = ['sandbox.created', 'sandbox.running', 'sandbox.paused', 'sandbox.resumed']
  await expect.poll(first).toEqual(expected)
})

test('after a start, running machines are served on, and what ended meanwhile is known', async () => {
  const [kept, died, lost] = [await create(), await create(), await create()]
  const deleted = await create()
  await world.plane.close(500)
  world.host.become(world.host.of(died.id), 'failed', 'driver_died')
  world.host.machines.delete(world.host.of(lost.id).spec.machineId)
  await world.restart()
  await expect.poll(async () => (await get(died.id)).status).toBe('failed')
  await expect.poll(async () => (await get(lost.id)).failure).toBe('the host no longer knows its machine')
  expect((await get(kept.id)).status).toBe('running')
  expect((await world.ask('DELETE', `/v1/sandboxes/${deleted.id}`)).status).toBe(204)
  expect(world.host.living().map(({ spec }) => spec.sandboxId)).toEqual([kept.id])
})

test('a machine that belongs to no sandbox is ended after it was seen twice', async () => {
  const { id } = await create()
  const stranger = world.host.plant({
    ...world.host.of(id).spec,
    machineId: newMachineId(),
    sandboxId: newSandboxId(),
    intent: 7,
  })
  await expect.poll(() => world.host.machines.has(stranger.spec.machineId)).toBe(false)
  expect(stranger.report.state).toBe('gone')
  expect(world.host.living().map(({ spec }) => spec.sandboxId)).toEqual([id])
})

test('a create that a crash interrupted is ended, unless its caller can come back for it', async () => {
  const answered = await world.ask('POST', '/v1/sandboxes', {}, { headers: { 'idempotency-key': 'back' } })
  const unanswered = await create()
  await world.plane.close(500)
  // As the rows were before the answers were stored.
  await world.db.updateTable('sandboxes').set({ status: 'creating', generation: 0 }).execute()
  await world.db.updateTable('idempotency').set({ status: null, response: null }).execute()
  await world.restart()
  await expect.poll(async () => (await world.ask('GET', `/v1/sandboxes/${unanswered.id}`)).status).toBe(404)
  const again = await world.ask('POST', '/v1/sandboxes', {}, { headers: { 'idempotency-key': 'back' } })
  expect([again.status, again.body.id, again.body.status]).toEqual([201, answered.body.id, 'running'])
  await expect.poll(() => world.host.living().map(({ spec }) => spec.sandboxId)).toEqual([answered.body.id])
})

test('a host that remembers a later intent than we do is asked above that', async () => {
  const { id } = await create()
  const machine = world.host.of(id)
  machine.spec = { ...machine.spec, intent: 50 }
  machine.report = { ...machine.report, intent: 50 }
  expect((await world.ask('POST', `/v1/sandboxes/${id}/pause`)).status).toBe(204)
  expect(machine.report.state).toBe('paused')
  expect(machine.spec.intent).toBeGreaterThan(50)
})

test('a deletion while the host is away is acknowledged and happens later', async () => {
  const { id } = await create()
  world.host.away = true
  expect((await world.ask('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204)
  expect((await world.ask('GET', `/v1/sandboxes/${id}`)).status).toBe(404)
  world.host.away = false
  await expect.poll(() => world.host.machines.size).toBe(0)
})

test('a pause that the host could not be asked for is told, and happens later', async () => {
  const { id } = await create()
  world.host.away = true
  const answer = await world.ask('POST', `/v1/sandboxes/${id}/pause`)
  expect([answer.status, answer.body.code]).toEqual([503, 'unavailable'])
  world.host.away = false
  await expect.poll(async () => (await get(id)).status).toBe('paused')
})

test('an empty machine that a forgetful host makes in place of a lost one is not taken for it', async () => {
  await using slow = await createWorld({ settings: { repairEveryMs: 60_000 } })
  const { id } = (await slow.ask('POST', '/v1/sandboxes', {})).body
  slow.host.machines.clear()
  expect((await slow.ask('POST', `/v1/sandboxes/${id}/pause`)).body.error).toBe('the sandbox is failed')
  expect(slow.host.living()).toEqual([])
  const { body } = await slow.ask('GET', `/v1/sandboxes/${id}`)
  expect([body.status, body.failure]).toEqual(['failed', 'the host no longer knows its machine'])
})
