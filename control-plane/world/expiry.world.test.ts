import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld({ settings: { flushEveryMs: 50, createWaitMs: 500 } })
  world.host.enforcesExpiry = true
})
afterEach(() => world[Symbol.asyncDispose]())

const create = async (body: object) => (await world.ask('POST', '/v1/sandboxes', body)).body
const statusOf = async (id: string) => (await world.ask('GET', `/v1/sandboxes/${id}`)).status

const ended = (id: string) =>
  world.db
    .selectFrom('sandboxes')
    .select(['status', 'deleted_at'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()

/** Milliseconds from the creation of a sandbox to its end, from its own row. */
const lifeMs = async (id: string): Promise<number> => {
  const row = await world.db
    .selectFrom('sandboxes')
    .select(['created_at', 'deleted_at'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return (row.deleted_at?.getTime() ?? Infinity) - row.created_at.getTime()
}

test('a sandbox ends when its time is over, never before', async () => {
  const { id } = await create({ ttl_seconds: 1 })
  await expect.poll(() => statusOf(id), { timeout: 5000 }).toBe(404)
  await expect.poll(async () => (await ended(id)).status).toBe('deleted')
  expect(world.host.living()).toEqual([])
  expect(await lifeMs(id)).toBeGreaterThanOrEqual(1000)
  const { body } = await world.ask('GET', `/v1/sandboxes/${id}/events`)
  expect(body.events.at(-1)).toMatchObject({ type: 'sandbox.deleted', payload: { reason: 'expired' } })
})

test('use puts the end off, and the host is told before it would end the machine by itself', async () => {
  const { id } = await create({ ttl_seconds: 1 })
  const caller = { projectId: await projectOf(id), tokenPrefix: '', requestId: '' }
  for (let i = 0; i < 10; i++) {
    await sleep(250)
    await world.plane.core.sandboxes.open(caller, id)
  }
  expect(await statusOf(id)).toBe(200)
  await expect.poll(() => statusOf(id), { timeout: 5000 }).toBe(404)
  expect(await lifeMs(id)).toBeGreaterThanOrEqual(3500)
  const told = world.host.asked.filter((spec) => spec.sandboxId === id && spec.desired === 'running')
  expect(told.length).toBeGreaterThan(1)
  expect(new Set(told.map(({ intent }) => intent)).size).toBe(told.length)
})

test('an open stream counts as use until it is closed', async () => {
  const { id } = await create({ ttl_seconds: 1 })
  const caller = { projectId: await projectOf(id), tokenPrefix: '', requestId: '' }
  const open = await world.plane.core.sandboxes.open(caller, id)
  const using = open.use()
  await sleep(2500)
  expect(await statusOf(id)).toBe(200)
  expect((await world.ask('GET', `/v1/sandboxes/${id}/lifecycle`)).body.idle_seconds).toBe(0)
  using[Symbol.dispose]()
  await expect.poll(() => statusOf(id), { timeout: 5000 }).toBe(404)
})

test('reading about a sandbox is not using it', async () => {
  const { id } = await create({ ttl_seconds: 1 })
  await expect
    .poll(
      async () => {
        await world.ask('GET', `/v1/sandboxes/${id}/metrics`)
        return (await world.ask('GET', `/v1/sandboxes/${id}/lifecycle`)).status
      },
      {
        timeout: 5000,
        interval: 100,
      },
    )
    .toBe(404)
})

test('persistent sandboxes never end, and the change is told to the host', async () => {
  const { id } = await create({ ttl_seconds: 2 })
  const changed = await world.ask('PATCH', `/v1/sandboxes/${id}/lifecycle`, { persistent: true })
  expect(changed.body).toEqual({
    ttl_seconds: 2,
    persistent: true,
    idle_seconds: 0,
    expires_at: null,
    on_timeout: 'delete',
    hibernate_after_seconds: null,
    checkpoints: null,
  })
  expect(world.host.of(id).spec.expiresAtUnixMs).toBeNull()
  await sleep(2500)
  expect(await statusOf(id)).toBe(200)
  const back = await world.ask('PATCH', `/v1/sandboxes/${id}/lifecycle`, {
    persistent: false,
    ttl_seconds: 1,
  })
  expect(back.body).toMatchObject({ ttl_seconds: 1, persistent: false })
  await expect.poll(() => statusOf(id), { timeout: 5000 }).toBe(404)
})

test('without a wish a sandbox has 300 seconds, and a longer one can be shortened', async () => {
  const { id, ttl_seconds } = await create({})
  expect(ttl_seconds).toBe(300)
  await world.ask('PATCH', `/v1/sandboxes/${id}/lifecycle`, { ttl_seconds: 1 })
  await expect.poll(() => statusOf(id), { timeout: 5000 }).toBe(404)
})

test('a paused sandbox and a failed one end in their time too', async () => {
  const paused = await create({ ttl_seconds: 1 })
  const failed = await create({ ttl_seconds: 1 })
  await world.ask('POST', `/v1/sandboxes/${paused.id}/pause`)
  world.host.become(world.host.of(failed.id), 'failed', 'oom')
  await expect.poll(() => statusOf(paused.id), { timeout: 5000 }).toBe(404)
  await expect.poll(() => statusOf(failed.id), { timeout: 5000 }).toBe(404)
  await expect.poll(() => world.host.machines.size).toBe(0)
})

test('a sandbox that the host ended while it was cut off is gone when it answers again', async () => {
  const { id } = await create({ ttl_seconds: 60 })
  world.host.become(world.host.of(id), 'gone', 'expired')
  await expect.poll(() => statusOf(id)).toBe(404)
  await expect.poll(() => world.host.machines.size).toBe(0)
})

test('time goes on while the control plane is away', async () => {
  const short = await create({ ttl_seconds: 1 })
  const long = await create({ ttl_seconds: 60 })
  await world.restart()
  expect(await statusOf(long.id)).toBe(200)
  await expect.poll(() => statusOf(short.id), { timeout: 5000 }).toBe(404)
  const { body } = await world.ask('GET', `/v1/sandboxes/${long.id}/lifecycle`)
  expect(Date.parse(body.expires_at) - Date.now()).toBeGreaterThan(50_000)
})

const projectOf = async (id: string): Promise<string> =>
  (await world.db.selectFrom('sandboxes').select('project_id').where('id', '=', id).executeTakeFirstOrThrow())
    .project_id
