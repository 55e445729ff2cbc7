import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { startPostgres } from '@pandastack/testing/postgres.ts'
import { createWorld } from '@pandastack/testing/world.ts'

const bodyOf = async (stream: Readable): Promise<string> => {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

test('while Postgres is away, running sandboxes are served and changes are refused; afterwards all is as it was', async () => {
  await using cluster = await startPostgres()
  await using database = await cluster.database()
  await using world = await createWorld({ databaseUrl: database.url, settings: { flushEveryMs: 100 } })
  const { id } = (await world.ask('POST', '/v1/sandboxes', { ttl_seconds: 600 })).body
  const kept = (await world.ask('POST', '/v1/sandboxes', { persistent: true })).body
  const talk = async (): Promise<string> => {
    const caller = await world.plane.core.authenticate(world.key, 'test')
    if (!caller) throw new Error('the key is not known')
    const open = await world.plane.core.sandboxes.open(caller, id)
    const reply = await open.request({ method: 'GET', path: '/v1/health' })
    return bodyOf(reply.body)
  }
  expect(await talk()).toBe('{}')

  await cluster.stop()
  const until = Date.now() + 2500
  while (Date.now() < until) expect(await talk()).toBe('{}')
  expect((await world.ask('GET', `/v1/sandboxes/${id}`)).status).toBe(200)
  expect((await world.ask('GET', '/healthz')).status).toBe(200)
  for (const [method, path, body] of [
    ['POST', '/v1/sandboxes', {}],
    ['GET', '/v1/sandboxes', undefined],
    ['DELETE', `/v1/sandboxes/${id}`, undefined],
    ['POST', `/v1/sandboxes/${id}/pause`, {}],
    ['POST', '/v1/me/tokens', { label: 'x' }],
  ] as const) {
    const answer = await world.ask(method, path, body)
    expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 503, 'unavailable'])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  }
  expect(world.host.living()).toHaveLength(2)

  await cluster.start()
  await expect
    .poll(async () => (await world.ask('POST', '/v1/sandboxes', {})).status, { timeout: 20_000 })
    .toBe(201)
  expect((await world.ask('POST', `/v1/sandboxes/${id}/pause`)).status).toBe(204)
  expect((await world.ask('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204)
  expect((await world.ask('GET', `/v1/sandboxes/${kept.id}`)).body.status).toBe('running')
  // Changes of others are heard again.
  await world.db
    .updateTable('sandboxes')
    .set((eb) => ({ metadata: JSON.stringify({ by: 'another process' }), version: eb('version', '+', 1) }))
    .where('id', '=', kept.id)
    .execute()
  await expect
    .poll(async () => (await world.ask('GET', `/v1/sandboxes/${kept.id}`)).body.metadata, { timeout: 10_000 })
    .toEqual({ by: 'another process' })
})

test('a sandbox whose time is over while Postgres is away ends when it is back, if the host has not ended it', async () => {
  await using cluster = await startPostgres()
  await using database = await cluster.database()
  await using world = await createWorld({ databaseUrl: database.url })
  const { id } = (await world.ask('POST', '/v1/sandboxes', { ttl_seconds: 1 })).body
  await cluster.stop()
  await new Promise((resolve) => setTimeout(resolve, 2500))
  await cluster.start()
  await expect
    .poll(async () => (await world.ask('GET', `/v1/sandboxes/${id}`)).status, { timeout: 20_000 })
    .toBe(404)
  await expect.poll(() => world.host.machines.size, { timeout: 10_000 }).toBe(0)
})
