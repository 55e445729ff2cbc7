import { expect, test } from 'vitest'
import { createWorld } from '@pandastack/testing/world.ts'

test('a drain lets a create finish, ends streams, and accepts nothing new', async () => {
  await using world = await createWorld()
  const { id } = (await world.ask('POST', '/v1/sandboxes', {})).body
  const stream = await fetch(`${world.url}/v1/sandboxes/${id}/events?follow=1`, {
    headers: { authorization: `Bearer ${world.key}` },
  })
  const streamEnded = stream.text().then(
    () => 'ended',
    () => 'ended',
  )
  world.host.bootMs = 500
  const creating = world.ask('POST', '/v1/sandboxes', {})
  await expect.poll(() => world.host.living().length).toBe(2)
  const closed = world.plane.close(2000)
  expect((await creating).status).toBe(201)
  await closed
  expect(await streamEnded).toBe('ended')
  await expect(fetch(`${world.url}/healthz`)).rejects.toThrow()
  await world.restart()
  expect((await world.ask('GET', '/v1/sandboxes')).body).toHaveLength(2)
})

test('a create that cannot finish within the drain takes its sandbox with it', async () => {
  await using world = await createWorld()
  world.host.bootMs = 20_000
  const creating = world.ask('POST', '/v1/sandboxes', {})
  creating.catch(() => {})
  await expect.poll(() => world.host.living().length).toBe(1)
  await world.plane.close(300)
  await expect(creating).rejects.toThrow()
  expect(world.host.living()).toEqual([])
  const rows = await world.db.selectFrom('sandboxes').select('deleted_at').execute()
  expect(rows.every((row) => row.deleted_at !== null)).toBe(true)
})

test('a create with an Idempotency-Key that a drain cuts off is finished by the next process', async () => {
  await using world = await createWorld()
  world.host.bootMs = 1500
  const headers = { 'idempotency-key': 'across' }
  const creating = world.ask('POST', '/v1/sandboxes', {}, { headers })
  creating.catch(() => {})
  await expect.poll(() => world.host.living().length).toBe(1)
  await world.plane.close(100)
  await expect(creating).rejects.toThrow()
  await world.restart()
  const answer = await world.ask('POST', '/v1/sandboxes', {}, { headers })
  expect([answer.status, answer.body.status]).toEqual([201, 'running'])
  expect(world.host.living().map(({ spec }) => spec.sandboxId)).toEqual([answer.body.id])
})
