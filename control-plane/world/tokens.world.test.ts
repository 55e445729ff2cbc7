import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const me = (key: string | null, headers: Record<string, string> = {}) =>
  world.ask('GET', '/v1/me', undefined, { key, headers })

test('a key is made, works, is listed by its prefix, and is nowhere stored', async () => {
  const made = await world.ask('POST', '/v1/me/tokens', { label: 'ci' })
  expect(made.status).toBe(200)
  expect(made.body.token).toMatch(/^pds_[0-9a-f]{32}$/)
  expect(made.body).toMatchObject({ prefix: made.body.token.slice(0, 12), label: 'ci', expires_at: null })
  expect((await me(made.body.token)).body).toMatchObject({
    auth_method: 'api_token',
    user_id: made.body.prefix,
  })
  const { items } = (await world.ask('GET', '/v1/me/tokens')).body
  expect(items.map((token: { label: string }) => token.label)).toEqual(['ci', 'world'])
  expect(JSON.stringify(items)).not.toContain(made.body.token)
  const rows = await world.db.selectFrom('tokens').selectAll().execute()
  expect(JSON.stringify(rows)).not.toContain(made.body.token)
})

test('a revoked key works no more', async () => {
  const { token, prefix } = (await world.ask('POST', '/v1/me/tokens', { name: 'old spelling' })).body
  expect((await me(token)).status).toBe(200)
  expect((await world.ask('DELETE', `/v1/me/tokens/${prefix}`)).status).toBe(204)
  expect((await me(token)).status).toBe(401)
  expect((await world.ask('DELETE', `/v1/me/tokens/${prefix}`)).status).toBe(404)
})

test('a key that was revoked by another process stops within a second or so', async () => {
  const { token, prefix } = (await world.ask('POST', '/v1/me/tokens', {})).body
  expect((await me(token)).status).toBe(200)
  await world.db.updateTable('tokens').set({ revoked_at: new Date() }).where('prefix', '=', prefix).execute()
  await expect.poll(async () => (await me(token)).status, { timeout: 5000 }).toBe(401)
})

test('a key stops when its time is over', async () => {
  const { token, prefix, expires_at } = (await world.ask('POST', '/v1/me/tokens', { expires_in_days: 30 }))
    .body
  expect(Date.parse(expires_at) - Date.now()).toBeGreaterThan(29 * 86_400_000)
  await world.db
    .updateTable('tokens')
    .set({ expires_at: new Date(Date.now() - 1) })
    .where('prefix', '=', prefix)
    .execute()
  expect((await me(token)).status).toBe(401)
})

test('keys of another project cannot be seen or revoked', async () => {
  const stranger = await world.mint('stranger')
  const list = await world.ask('GET', '/v1/me/tokens', undefined, { key: stranger })
  expect(list.body.items.map((token: { label: string }) => token.label)).toEqual(['stranger'])
  const prefix = world.key.slice(0, 12)
  expect((await world.ask('DELETE', `/v1/me/tokens/${prefix}`, undefined, { key: stranger })).status).toBe(
    404,
  )
  expect((await me(world.key)).status).toBe(200)
})

test('without a valid key nothing is served, and the reason is beside the word', async () => {
  expect((await me(null)).body).toEqual({
    error: 'unauthorized',
    code: 'unauthorized',
    detail: 'missing bearer token',
  })
  for (const key of [
    'pds_00000000000000000000000000000000',
    'nonsense',
    'pds_',
    `${world.key}0`,
    world.key.toUpperCase(),
  ]) {
    const answer = await me(key)
    expect([key, answer.status, answer.body.detail]).toEqual([key, 401, 'invalid api token'])
  }
})

test('the key may come as X-API-Key, and in the query only where no header can be set', async () => {
  expect((await me(null, { 'x-api-key': world.key })).status).toBe(200)
  const query = (headers: Record<string, string>) =>
    world.ask('GET', `/v1/me?access_token=${world.key}`, undefined, { key: null, headers })
  expect((await query({})).status).toBe(401)
  expect((await query({ accept: 'text/event-stream' })).status).toBe(200)
})
