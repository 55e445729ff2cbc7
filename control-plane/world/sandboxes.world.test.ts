import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

test('a sandbox is created, found, listed, and gone after its deletion', async () => {
  const made = await world.ask('POST', '/v1/sandboxes', {
    template: 'agent',
    ttl_seconds: 900,
    metadata: { a: 'b' },
  })
  expect(made.status).toBe(201)
  expect(made.body).toMatchObject({
    template: 'agent',
    status: 'running',
    cpu: 2,
    memory_mb: 2048,
    boot_mode: 'snapshot',
    tier: 'none',
    metadata: { a: 'b' },
    ttl_seconds: 900,
    persistent: false,
  })
  const { id } = made.body
  const got = await world.ask('GET', `/v1/sandboxes/${id}`)
  expect(got.body.id).toBe(id)
  const listed = await world.ask('GET', '/v1/sandboxes')
  expect(listed.body.map((entry: { id: string }) => entry.id)).toEqual([id])
  expect((await world.ask('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204)
  expect(world.host.living()).toEqual([])
  const after = await world.ask('GET', `/v1/sandboxes/${id}`)
  expect([after.status, after.body]).toEqual([404, { error: 'not found', code: 'not_found' }])
  expect((await world.ask('GET', '/v1/sandboxes')).body).toEqual([])
  expect((await world.ask('DELETE', `/v1/sandboxes/${id}`)).status).toBe(404)
})
