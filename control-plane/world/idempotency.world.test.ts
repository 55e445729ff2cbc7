import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const create = (body: object, idempotencyKey: string, key?: string) =>
  world.ask('POST', '/v1/sandboxes', body, {
    headers: { 'idempotency-key': idempotencyKey },
    ...(key !== undefined && { key }),
  })

test('the same request with the same key is answered with the same sandbox', async () => {
  const first = await create({ template: 'base', metadata: { a: '1', b: '2' } }, 'k1')
  const again = await create({ metadata: { b: '2', a: '1' }, template: 'base' }, 'k1')
  expect([first.status, again.status]).toEqual([201, 201])
  expect(again.body.id).toBe(first.body.id)
  expect(world.host.living()).toHaveLength(1)
  expect((await create({ template: 'base' }, 'k2')).body.id).not.toBe(first.body.id)
})

test('requests at the same time make one sandbox and all get it', async () => {
  world.host.bootMs = 100
  const answers = await Promise.all(Array.from({ length: 10 }, () => create({}, 'same')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect(world.host.living()).toHaveLength(1)
})

test('another request with the same key is refused', async () => {
  await create({ template: 'base' }, 'k')
  const other = await create({ template: 'agent' }, 'k')
  expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch'])
  expect(world.host.living()).toHaveLength(1)
})

test('keys belong to their project', async () => {
  const stranger = await world.mint('stranger')
  const mine = await create({}, 'k')
  const theirs = await create({}, 'k', stranger)
  expect(theirs.status).toBe(201)
  expect(theirs.body.id).not.toBe(mine.body.id)
})

test('a request that came to nothing frees its key', async () => {
  world.host.failNext = 'capacity'
  expect((await create({}, 'k')).status).toBe(503)
  expect((await create({ template: 'nonesuch' }, 'k')).status).toBe(400)
  expect((await create({}, 'k')).status).toBe(201)
})

test('a key that is too long or not ASCII is refused', async () => {
  expect((await create({}, 'x'.repeat(256))).status).toBe(400)
  expect((await create({}, 'a b')).status).toBe(400)
  expect(world.host.living()).toEqual([])
})

test('the answer is the first one even after the sandbox has gone', async () => {
  const first = await create({}, 'k')
  await create({}, 'k')
  await world.ask('DELETE', `/v1/sandboxes/${first.body.id}`)
  expect((await create({}, 'k')).body.id).toBe(first.body.id)
  expect(world.host.living()).toEqual([])
})

test('an API key made under an Idempotency-Key is shown again though it is stored nowhere', async () => {
  const mint = (label: string) =>
    world.ask('POST', '/v1/me/tokens', { label }, { headers: { 'idempotency-key': 'mint' } })
  const [first, second] = await Promise.all([mint('ci'), mint('ci')])
  expect([first.status, second.status]).toEqual([200, 200])
  expect(second.body.token).toBe(first.body.token)
  expect((await mint('other')).status).toBe(422)
  expect((await world.ask('GET', '/v1/me', undefined, { key: first.body.token })).status).toBe(200)
  const stored = JSON.stringify([
    await world.db.selectFrom('tokens').selectAll().execute(),
    await world.db.selectFrom('idempotency').selectAll().execute(),
  ])
  expect(stored).not.toContain(first.body.token)
})
