import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const create = async (body: object = {}) => (await world.ask('POST', '/v1/sandboxes', body)).body

/** Server-sent events as they come; leaving the loop hangs up. */
async function* stream(path: string): AsyncGenerator<{ event: string; data: { type: string; seq: number } }> {
  const hangup = new AbortController()
  const reply = await fetch(world.url + path, {
    headers: { authorization: `Bearer ${world.key}`, accept: 'text/event-stream' },
    signal: hangup.signal,
  })
  expect(reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  try {
    let text = ''
    for await (const chunk of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const [event = '', data = ''] = block.split('\n')
        if (event.startsWith('event: ')) yield { event: event.slice(7), data: JSON.parse(data.slice(6)) }
      }
    }
  } finally {
    hangup.abort()
  }
}

test('events are listed oldest first, the last ones when there are too many', async () => {
  const { id } = await create()
  await world.ask('POST', `/v1/sandboxes/${id}/pause`)
  const { body } = await world.ask('GET', `/v1/sandboxes/${id}/events?tail=2`)
  expect(body.events.map((event: { type: string }) => event.type)).toEqual([
    'sandbox.running',
    'sandbox.paused',
  ])
  expect(body.events[0]).toMatchObject({ sandbox_id: id, payload: { boot_mode: 'snapshot', tier: 'none' } })
  expect((await world.ask('GET', `/v1/sandboxes/${id}/events?tail=0`)).body.events).toEqual([])
})

test('a follower sees past and later events once each, in order, through the end', async () => {
  const { id } = await create()
  const seen: string[] = []
  let last = 0
  for await (const { event, data } of stream(`/v1/sandboxes/${id}/events?follow=true`)) {
    expect(event).toBe('event')
    expect(data.seq).toBeGreaterThan(last)
    last = data.seq
    seen.push(data.type)
    if (seen.length === 2) void world.ask('POST', `/v1/sandboxes/${id}/pause`)
    if (data.type === 'sandbox.paused') void world.ask('DELETE', `/v1/sandboxes/${id}`)
    if (data.type === 'sandbox.deleted') break
  }
  expect(seen).toEqual(['sandbox.created', 'sandbox.running', 'sandbox.paused', 'sandbox.deleted'])
})

test('events outlive their sandbox for its owner and nobody else', async () => {
  const { id } = await create()
  await world.ask('DELETE', `/v1/sandboxes/${id}`)
  await expect.poll(() => world.host.machines.size).toBe(0)
  const { body } = await world.ask('GET', `/v1/sandboxes/${id}/events`)
  expect(body.events.at(-1)).toMatchObject({ type: 'sandbox.deleted', payload: { reason: 'requested' } })
  const key = await world.mint('stranger')
  expect((await world.ask('GET', `/v1/sandboxes/${id}/events`, undefined, { key })).status).toBe(404)
})

test('declared ports are kept with their label, and strangers get in only where they are declared public', async () => {
  const { id } = await create()
  const declare = (body: object) => world.ask('POST', `/v1/sandboxes/${id}/ports`, body)
  expect((await declare({ port: 8000, label: 'web', public: true })).body).toEqual({
    port: 8000,
    label: 'web',
    public: true,
  })
  expect((await declare({ port: 3000 })).status).toBe(201)
  const { core } = world.plane
  const visit = (port: number) =>
    core.sandboxes.openPort(id, port, { kind: 'public' }).then(
      () => 'in',
      (error: Error) => error.message,
    )
  expect([await visit(8000), await visit(3000), await visit(9)]).toEqual(['in', 'not found', 'not found'])
  await declare({ port: 8000, label: 'web', public: false })
  expect(await visit(8000)).toBe('not found')
  expect((await world.ask('DELETE', `/v1/sandboxes/${id}/ports/8000`)).status).toBe(204)
  expect((await world.ask('DELETE', `/v1/sandboxes/${id}/ports/8000`)).status).toBe(404)
})

test('a signed link names its sandbox and port, cannot be altered, and ends with the sandbox', async () => {
  const { id } = await create()
  const paths = ['/a', '/b|c']
  const made = await world.ask('POST', `/v1/sandboxes/${id}/preview-token`, {
    port: 8000,
    ttl_seconds: 60,
    paths,
  })
  expect(made.body).toMatchObject({ sandbox_id: id, port: 8000, paths })
  expect(made.body.url).toBe(`${world.url}/v1/p/${made.body.token}/`)
  const { verify } = world.plane.core.previews
  const { token } = made.body as { token: string }
  expect(await verify(token)).toEqual({ sandboxId: id, port: 8000, paths })
  const [payload = '', mac = ''] = token.split('.')
  const forged = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('|8000|', '|22|')).toString(
    'base64url',
  )
  for (const bad of [
    `${forged}.${mac}`,
    `${payload}.`,
    payload,
    `${token}.x`,
    `.${mac}`,
    '',
    'a.b',
    'x'.repeat(20_000),
  ]) {
    expect(await verify(bad)).toBeNull()
  }
  await world.ask('DELETE', `/v1/sandboxes/${id}`)
  expect(await verify(token)).toBeNull()
})

test('a signed link stops when its time is over', async () => {
  const { id } = await create()
  const { token } = (await world.ask('POST', `/v1/sandboxes/${id}/preview`, { port: 1, ttl_seconds: 1 })).body
  const { verify } = world.plane.core.previews
  await expect.poll(() => verify(token), { timeout: 5000 }).toBeNull()
})
