// Snapshots, hibernation, rewinding and forks, decided by the real control plane on scripted hosts.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { keepFiles } from '@pandastack/testing/content-guest.ts'
import { createWorld } from '@pandastack/testing/world.ts'
import type { Answer, World } from '@pandastack/testing/world.ts'

let world: World

beforeEach(async () => {
  world = await createWorld()
  keepFiles(world.host)
})
afterEach(() => world[Symbol.asyncDispose]())

const create = async (input: object = {}): Promise<string> => {
  const made = await world.ask('POST', '/v1/sandboxes', { template: 'base', ...input })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return made.body.id
}
const write = (id: string, path: string, content: string): Promise<Answer> =>
  world.ask('PUT', `/v1/sandboxes/${id}/fs?path=${path}`, content)
const read = async (id: string, path: string): Promise<unknown> => {
  const got = await world.ask('GET', `/v1/sandboxes/${id}/fs?path=${path}`)
  return got.status === 200 ? String(got.body) : got.status
}
const get = async (id: string) => (await world.ask('GET', `/v1/sandboxes/${id}`)).body
const post = (path: string, body?: unknown): Promise<Answer> => world.ask('POST', path, body)

test('a snapshot is an object of its own, and what is made from it has what it held', async () => {
  const id = await create({ metadata: { a: '1' } })
  await write(id, '/f', 'before')
  const taken = await post(`/v1/sandboxes/${id}/snapshots`, { name: 'first' })
  expect(taken.status).toBe(201)
  expect(taken.body).toMatchObject({
    sandbox_id: id,
    name: 'first',
    status: 'ready',
    template: 'base',
    size_bytes: 1024,
    unique_bytes: 1000,
    shared_bytes: 24,
    parent_id: null,
    pause_ms: 7,
  })
  await write(id, '/f', 'after')
  const copy = await create({ from_snapshot: taken.body.id, template: 'code-interpreter' })
  expect(await read(copy, '/f')).toBe('before')
  expect(await get(copy)).toMatchObject({ template: 'base', from_snapshot: taken.body.id })
  const listed = await world.ask('GET', `/v1/snapshots?sandbox_id=${id}`)
  expect(listed.body.snapshots.map((one: { id: string }) => one.id)).toEqual([taken.body.id])
})

test('the next snapshot names the one before it, also of what was made from it', async () => {
  const id = await create()
  const first = (await post(`/v1/sandboxes/${id}/snapshots`)).body.id
  const second = (await post(`/v1/sandboxes/${id}/snapshots`)).body
  expect(second.parent_id).toBe(first)
  const copy = await create({ from_snapshot: first })
  expect((await post(`/v1/sandboxes/${copy}/snapshots`)).body.parent_id).toBe(first)
})

test('a deleted snapshot is gone for its owner at once and for its host soon', async () => {
  const id = await create()
  const { id: sid } = (await post(`/v1/sandboxes/${id}/snapshots`)).body
  expect((await world.ask('DELETE', `/v1/snapshots/${sid}`)).status).toBe(204)
  expect((await world.ask('GET', `/v1/snapshots/${sid}`)).status).toBe(404)
  expect((await post('/v1/sandboxes', { from_snapshot: sid })).status).toBe(404)
  await expect.poll(() => world.host.snapshots.held.size).toBe(0)
})

test('snapshots of another project are as good as none', async () => {
  const id = await create()
  const { id: sid } = (await post(`/v1/sandboxes/${id}/snapshots`)).body
  const key = await world.mint('others')
  for (const [method, path, body] of [
    ['GET', `/v1/snapshots/${sid}`],
    ['DELETE', `/v1/snapshots/${sid}`],
    ['POST', '/v1/sandboxes', { from_snapshot: sid }],
    ['POST', `/v1/sandboxes/${id}/fork`],
    ['POST', `/v1/sandboxes/${id}/hibernate`],
    ['POST', `/v1/sandboxes/${id}/rewind`, { snapshot_id: sid }],
  ] as const)
    expect((await world.ask(method, path, body, { key })).status, path).toBe(404)
  expect((await world.ask('GET', '/v1/snapshots', undefined, { key })).body.snapshots).toEqual([])
  expect((await world.ask('GET', `/v1/snapshots/${sid}`)).status).toBe(200)
})

test('a host without room says so, and nothing of the snapshot stays', async () => {
  const id = await create()
  world.host.snapshots.failNext = 'no_space'
  const refused = await post(`/v1/sandboxes/${id}/snapshots`)
  expect(refused.status).toBe(507)
  expect(refused.body.code).toBe('no_space')
  expect((await world.ask('GET', '/v1/snapshots')).body.snapshots).toEqual([])
  expect((await get(id)).status).toBe('running')
})

test('hibernated it has no machine; whatever needs it wakes it, once', async () => {
  const id = await create()
  await write(id, '/f', 'kept')
  const slept = await post(`/v1/sandboxes/${id}/hibernate`)
  expect(slept).toMatchObject({ status: 200, body: { status: 'hibernated' } })
  expect((await post(`/v1/sandboxes/${id}/hibernate`)).body.status).toBe('hibernated')
  expect(world.host.living()).toEqual([])
  expect((await get(id)).status).toBe('hibernated')
  const asked = world.host.asked.length
  expect(await Promise.all([1, 2, 3, 4].map(() => read(id, '/f')))).toEqual(['kept', 'kept', 'kept', 'kept'])
  expect(world.host.asked.slice(asked).filter(({ source }) => source.kind === 'snapshot')).toHaveLength(1)
  expect((await get(id)).status).toBe('running')
  expect((await post(`/v1/sandboxes/${id}/wake`)).body.status).toBe('running')
  await expect.poll(() => world.host.snapshots.held.size, { timeout: 8000 }).toBe(0)
})

test('its time stands still while it is hibernated', async () => {
  const id = await create({ ttl_seconds: 1 })
  await post(`/v1/sandboxes/${id}/hibernate`)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  expect((await get(id)).status).toBe('hibernated')
})

test('one that cannot be saved goes on, and says why', async () => {
  const id = await create()
  await write(id, '/f', 'kept')
  world.host.snapshots.failNext = 'no_space'
  const refused = await post(`/v1/sandboxes/${id}/hibernate`)
  expect(refused.status).toBe(507)
  expect((await get(id)).status).toBe('running')
  expect(await read(id, '/f')).toBe('kept')
  expect((await post(`/v1/sandboxes/${id}/hibernate`)).body.status).toBe('hibernated')
})

test('one that cannot be woken stays hibernated and can be tried again', async () => {
  const id = await create()
  await write(id, '/f', 'kept')
  await post(`/v1/sandboxes/${id}/hibernate`)
  world.host.failNext = 'snapshot_corrupt'
  const refused = await post(`/v1/sandboxes/${id}/wake`)
  expect(refused).toMatchObject({ status: 409, body: { code: 'snapshot_corrupt' } })
  expect((await get(id)).status).toBe('hibernated')
  expect(await read(id, '/f')).toBe('kept')
})

test('TTL and idleness hibernate where that was asked for; a program at work is not idle', async () => {
  await world[Symbol.asyncDispose]()
  world = await createWorld({ settings: { activityEveryMs: 50 } })
  const byTtl = await create({ ttl_seconds: 1, on_timeout: 'hibernate' })
  await expect.poll(async () => (await get(byTtl)).status, { timeout: 5000 }).toBe('hibernated')
  const change = { hibernate_after_seconds: 5, persistent: true }
  const idle = await create(change)
  const rows = world.plane.context.registry
  const live = rows.peek(idle)
  if (!live) throw new Error('the sandbox is not known')
  const busy = setInterval(() => (world.host.cpuSeconds += 1), 20)
  await expect.poll(() => live.activeMs, { timeout: 5000 }).toBeGreaterThan(live.lastUsedMs)
  clearInterval(busy)
  const activeMs = await new Promise<number>((resolve) => setTimeout(() => resolve(live.activeMs), 300))
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(live.activeMs).toBe(activeMs)
  await expect.poll(async () => (await get(idle)).status, { timeout: 8000 }).toBe('hibernated')
})

test('while it is being hibernated it is neither paused nor lost, and can be deleted', async () => {
  world.host.snapshots.captureMs = 400
  const id = await create()
  const sleeping = post(`/v1/sandboxes/${id}/hibernate`)
  await expect.poll(() => world.host.of(id).report.state).toBe('saving')
  expect((await post(`/v1/sandboxes/${id}/pause`)).status).toBe(409)
  expect((await sleeping).body.status).toBe('hibernated')
  const other = await create()
  const ending = post(`/v1/sandboxes/${other}/hibernate`)
  await expect.poll(() => world.host.of(other).report.state).toBe('saving')
  expect((await world.ask('DELETE', `/v1/sandboxes/${other}`)).status).toBe(204)
  expect((await ending).status).toBeGreaterThanOrEqual(400)
  await expect.poll(() => world.host.snapshots.held.size, { timeout: 8000 }).toBe(1)
  await world.ask('DELETE', `/v1/sandboxes/${id}`)
  await expect.poll(() => world.host.snapshots.held.size, { timeout: 8000 }).toBe(0)
})

test('snapshots of a project are limited in number and bytes', async () => {
  await world[Symbol.asyncDispose]()
  world = await createWorld({ settings: { snapshotsMax: 2 } })
  const id = await create()
  for (const status of [201, 201, 429])
    expect((await post(`/v1/sandboxes/${id}/snapshots`)).status).toBe(status)
  await world[Symbol.asyncDispose]()
  world = await createWorld({ settings: { snapshotBytesMax: 1500 } })
  const other = await create()
  for (const status of [201, 201, 429])
    expect((await post(`/v1/sandboxes/${other}/snapshots`)).status).toBe(status)
})

test('rewinding brings back what was, under the same id, and ends what is', async () => {
  const id = await create()
  await write(id, '/f', 'one')
  await post(`/v1/sandboxes/${id}/checkpoints`, { name: 'good' })
  await write(id, '/f', 'two')
  await post(`/v1/sandboxes/${id}/checkpoints`)
  await write(id, '/f', 'three')
  expect((await post(`/v1/sandboxes/${id}/rewind`)).status).toBe(200)
  expect(await read(id, '/f')).toBe('two')
  const back = await post(`/v1/sandboxes/${id}/rewind`, { name: 'good' })
  expect(back.body.sandbox.id).toBe(id)
  expect(await read(id, '/f')).toBe('one')
  expect((await post(`/v1/sandboxes/${id}/rewind`, { steps: 1 })).status).toBe(200)
  expect(await read(id, '/f')).toBe('two')
  await expect.poll(() => world.host.living().length).toBe(1)
  expect((await post(`/v1/sandboxes/${id}/rewind`, { name: 'never' })).status).toBe(404)
  expect((await post(`/v1/sandboxes/${id}/rewind`, { name: 'good', steps: 1 })).status).toBe(400)
})

test('a rewind that fails leaves the sandbox running as it is', async () => {
  const id = await create()
  await write(id, '/f', 'one')
  await post(`/v1/sandboxes/${id}/checkpoints`)
  await write(id, '/f', 'two')
  world.host.failNext = 'snapshot_corrupt'
  const refused = await post(`/v1/sandboxes/${id}/rewind`)
  expect(refused).toMatchObject({ status: 409, body: { code: 'snapshot_corrupt' } })
  expect(await read(id, '/f')).toBe('two')
  expect(world.host.living()).toHaveLength(1)
})

test('checkpoints before each command are bounded, and go with their sandbox', async () => {
  const id = await create({ checkpoints: { every_command: true, keep: 2 } })
  for (const n of [1, 2, 3]) {
    await write(id, '/n', String(n))
    await post(`/v1/sandboxes/${id}/exec`, { cmd: `echo ${n}` })
  }
  const listed = await world.ask('GET', `/v1/sandboxes/${id}/checkpoints`)
  expect(listed.body.snapshots.map((one: { name: string }) => one.name)).toEqual([
    'before: echo 3',
    'before: echo 2',
  ])
  await post(`/v1/sandboxes/${id}/rewind`, { name: 'before: echo 2' })
  expect(await read(id, '/n')).toBe('2')
  await world.ask('DELETE', `/v1/sandboxes/${id}`)
  await expect.poll(() => world.host.snapshots.held.size, { timeout: 8000 }).toBe(0)
})

test('a fork has what its parent had, and shares nothing that comes later', async () => {
  const id = await create()
  await write(id, '/f', 'shared')
  const forked = await post(`/v1/sandboxes/${id}/fork-tree`, { count: 3, metadata: { mine: 'yes' } })
  expect(forked.status, JSON.stringify(forked.body)).toBe(201)
  const children: { id: string; metadata: Record<string, string> }[] = forked.body.children
  expect(children).toHaveLength(3)
  await Promise.all(children.map((child, n) => write(child.id, '/f', `child ${n}`)))
  expect(await Promise.all(children.map((child) => read(child.id, '/f')))).toEqual([
    'child 0',
    'child 1',
    'child 2',
  ])
  expect(await read(id, '/f')).toBe('shared')
  expect(children[0]?.metadata).toMatchObject({
    mine: 'yes',
    fork_parent_id: id,
    fork_tree_id: forked.body.tree_id,
  })
  await expect.poll(() => world.host.snapshots.held.size).toBe(0)
})

test('a paused and a hibernated sandbox can be forked, and stay what they are', async () => {
  const id = await create()
  await write(id, '/f', 'kept')
  await post(`/v1/sandboxes/${id}/pause`)
  const one = await post(`/v1/sandboxes/${id}/fork`)
  expect(await read(one.body.sandbox.id, '/f')).toBe('kept')
  expect((await get(id)).status).toBe('paused')
  await post(`/v1/sandboxes/${id}/hibernate`)
  const two = await post(`/v1/sandboxes/${id}/fork`)
  expect(await read(two.body.sandbox.id, '/f')).toBe('kept')
  expect((await get(id)).status).toBe('hibernated')
  expect(await read(id, '/f')).toBe('kept')
})

test('a child that does not come to run is told, and only that', async () => {
  const id = await create()
  world.host.failNext = 'boot_failed'
  const forked = await post(`/v1/sandboxes/${id}/fork-tree`, { count: 3 })
  expect(forked.status).toBe(201)
  expect(forked.body.children).toHaveLength(2)
  expect(forked.body.errors).toHaveLength(1)
  world.host.failNext = 'boot_failed'
  expect((await post(`/v1/sandboxes/${id}/fork`)).status).toBe(503)
  expect((await world.ask('GET', '/v1/sandboxes')).body).toHaveLength(3)
})

test('a fork whose caller goes away leaves no child', async () => {
  const id = await create()
  world.host.bootMs = 150
  const gone = new AbortController()
  const asked = world
    .ask('POST', `/v1/sandboxes/${id}/fork-tree`, { count: 9 }, { signal: gone.signal })
    .catch(() => 'gone')
  await expect
    .poll(() => world.host.living().filter(({ report }) => report.state === 'running').length)
    .toBeGreaterThan(2)
  gone.abort()
  expect(await asked).toBe('gone')
  await expect.poll(() => world.host.living().length, { timeout: 5000 }).toBe(1)
  expect((await world.ask('GET', '/v1/sandboxes')).body).toHaveLength(1)
})

test('a repeated fork with the same key makes the same children', async () => {
  const id = await create()
  const headers = { 'idempotency-key': 'k1' }
  const twice = await Promise.all(
    [1, 2, 3, 4].map(() => world.ask('POST', `/v1/sandboxes/${id}/fork-tree`, { count: 2 }, { headers })),
  )
  expect(twice[0]?.status).toBe(201)
  for (const { body } of twice) expect(body).toEqual(twice[0]?.body)
  expect((await world.ask('POST', `/v1/sandboxes/${id}/fork-tree`, { count: 2 }, { headers })).body).toEqual(
    twice[0]?.body,
  )
  const other = await world.ask('POST', `/v1/sandboxes/${id}/fork-tree`, { count: 3 }, { headers })
  expect(other.status).toBe(422)
  expect((await world.ask('GET', '/v1/sandboxes')).body).toHaveLength(3)
})

test('promoted, a child stands alone and its siblings go', async () => {
  const id = await create()
  const { children, tree_id } = (await post(`/v1/sandboxes/${id}/fork-tree`, { count: 3 })).body
  const [winner, ...losers] = children.map((child: { id: string }) => child.id)
  const promoted = await post(`/v1/sandboxes/${winner}/promote`, { cleanup_siblings: true })
  expect(promoted.body).toMatchObject({ winner, tree_id, failures: {} })
  expect(promoted.body.deleted.toSorted()).toEqual(losers.toSorted())
  expect((await get(winner)).status).toBe('running')
  expect((await get(id)).status).toBe('running')
  expect((await post(`/v1/sandboxes/${id}/promote`)).status).toBe(409)
})

test('taking over, the parent becomes what the child is, and keeps its own id and metadata', async () => {
  const id = await create({ metadata: { name: 'the parent' } })
  const { sandbox: child } = (await post(`/v1/sandboxes/${id}/fork`)).body
  await write(child.id, '/f', 'of the child')
  const promoted = await post(`/v1/sandboxes/${child.id}/promote`, { take_over: true })
  expect(promoted.body.winner).toBe(id)
  expect(await read(id, '/f')).toBe('of the child')
  expect((await get(id)).metadata).toEqual({ name: 'the parent' })
  expect((await world.ask('GET', `/v1/sandboxes/${child.id}`)).status).toBe(404)
  await expect.poll(() => world.host.living().length).toBe(1)
})

test('a diff names what was added, changed and removed, with the text', async () => {
  const id = await create()
  await write(id, '/same', 's')
  await write(id, '/f', 'one\n')
  const { id: sid } = (await post(`/v1/sandboxes/${id}/snapshots`)).body
  await write(id, '/f', 'two\n')
  await write(id, '/new', 'n\n')
  const { body } = await world.ask('GET', `/v1/sandboxes/${id}/diff?from=${sid}`)
  expect(body.files.map((file: { path: string; change: string }) => `${file.change} ${file.path}`)).toEqual([
    'changed /f',
    'added /new',
  ])
  expect(body.files[0].text_diff).toContain('-one\n+two\n')
  const against = await world.ask('GET', `/v1/snapshots/${sid}/diff`)
  expect(against.body.files).toHaveLength(2)
})

test('after a restart of the control plane nothing is half done', async () => {
  const slept = await create()
  await write(slept, '/f', 'kept')
  await post(`/v1/sandboxes/${slept}/hibernate`)
  const parent = await create()
  const { id: sid } = (await post(`/v1/sandboxes/${parent}/snapshots`)).body
  await world.restart()
  expect(await read(slept, '/f')).toBe('kept')
  expect((await world.ask('GET', `/v1/snapshots/${sid}`)).status).toBe(200)
  expect((await post(`/v1/sandboxes/${parent}/fork`)).status).toBe(201)
})

test('files of a snapshot that nobody knows go, and a row whose files are gone says so until they are back', async () => {
  const id = await create()
  const { id: sid } = (await post(`/v1/sandboxes/${id}/snapshots`)).body
  world.host.snapshots.keep('11111111-2222-4333-8444-555555555555', true, new Map())
  await expect.poll(() => [...world.host.snapshots.held.keys()], { timeout: 5000 }).toEqual([sid])
  const files = world.host.snapshots.held.get(sid)
  world.host.snapshots.held.clear()
  const status = async () => (await world.ask('GET', `/v1/snapshots/${sid}`)).body.status
  await expect.poll(status, { timeout: 5000 }).toBe('failed')
  expect((await post('/v1/sandboxes', { from_snapshot: sid })).body.code).toBe('snapshot_corrupt')
  if (files) world.host.snapshots.held.set(sid, files)
  expect((await post('/v1/sandboxes', { from_snapshot: sid })).status).toBe(201)
  await expect.poll(status, { timeout: 5000 }).toBe('ready')
})
