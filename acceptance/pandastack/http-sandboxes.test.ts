// The life of a sandbox, its events, logs and metrics, and repeated requests, over plain HTTP.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, call, createBox, eventsOf, send } from './raw.ts'
import type { Answer, Box } from './raw.ts'

let box: Box & AsyncDisposable
beforeAll(async () => {
  box = await createBox()
})
afterAll(() => box?.[Symbol.asyncDispose]())

const refused = ({ status, body }: Answer) => [status, typeof body.error]

describe('a sandbox', () => {
  test('is paused and resumed, however often it is asked', async () => {
    const status = async () => (await call('GET', box.path)).body.status
    for (const [verb, state] of [
      ['pause', 'paused'],
      ['resume', 'running'],
    ] as const)
      for (const _ of [1, 2]) {
        expect(
          (
            await ask('POST', `${box.path}/${verb}`, {
              headers: { 'content-type': 'text/plain;charset=UTF-8' },
            })
          ).status,
        ).toBe(204)
        expect(await status()).toBe(state)
      }
    await call('POST', `${box.path}/pause`)
    expect(refused(await call('POST', `${box.path}/exec`, { cmd: 'true' }))).toEqual([409, 'string'])
    await Promise.all([1, 2, 3].map(() => call('POST', `${box.path}/resume`)))
    expect((await box.exec('echo on')).stdout).toBe('on\n')
  })
  test('tells and changes when it ends', async () => {
    expect((await call('GET', `${box.path}/lifecycle`)).body).toMatchObject({
      ttl_seconds: 900,
      persistent: false,
      idle_seconds: expect.any(Number),
    })
    expect((await call('PATCH', `${box.path}/lifecycle`, { persistent: true })).body).toMatchObject({
      ttl_seconds: 900,
      persistent: true,
      expires_at: null,
    })
    expect(
      (await call('PATCH', `${box.path}/lifecycle`, { ttl_seconds: 800, persistent: false })).body,
    ).toMatchObject({ ttl_seconds: 800, persistent: false })
    const asleep = { on_timeout: 'hibernate', hibernate_after_seconds: 600, checkpoints: { keep: 3 } }
    const changed = { on_timeout: 'delete', hibernate_after_seconds: null, checkpoints: null }
    for (const wish of [asleep, changed])
      expect((await call('PATCH', `${box.path}/lifecycle`, wish)).body).toMatchObject({
        ttl_seconds: 800,
        ...wish,
      })
    for (const bad of [
      { ttl_seconds: 0 },
      { ttl_seconds: -5 },
      { ttl_seconds: 1e12 },
      { ttl_seconds: '60' },
      { persistent: 'yes' },
    ])
      expect(refused(await call('PATCH', `${box.path}/lifecycle`, bad)), JSON.stringify(bad)).toEqual([
        400,
        'string',
      ])
  })
  test('has metrics, which is no use of it', async () => {
    const before = (await call('GET', `${box.path}/lifecycle`)).body.idle_seconds
    for (let second = 0; second < 3; second++) {
      const { body } = await call('GET', `${box.path}/metrics`)
      expect(body).toMatchObject({
        pid: expect.any(Number),
        host_rss_bytes: expect.any(Number),
        threads: expect.any(Number),
        guest: { cpu_count: expect.any(Number) },
      })
      await sleep(1000)
    }
    expect((await call('GET', `${box.path}/lifecycle`)).body.idle_seconds).toBeGreaterThan(before)
  })
  test('has events, the last of them or all that come', async () => {
    const { events } = (await call('GET', `${box.path}/events`)).body
    expect(events.map((one: { type: string }) => one.type).slice(0, 2)).toEqual([
      'sandbox.created',
      'sandbox.running',
    ])
    expect(events[0]).toMatchObject({
      sandbox_id: box.id,
      time: expect.any(String),
      payload: expect.any(Object),
    })
    expect((await call('GET', `${box.path}/events?tail=1`)).body.events).toEqual([events.at(-1)])
    const reply = await send('GET', `${box.path}/events?tail=1&follow=1`)
    expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    const stream = eventsOf(reply)
    const next = async () => (await stream.next()).value as { event: string; data: string }
    expect(JSON.parse((await next()).data)).toEqual(events.at(-1))
    for (const verb of ['pause', 'resume'])
      expect((await call('POST', `${box.path}/${verb}`)).status).toBe(204)
    for (const type of ['sandbox.paused', 'sandbox.resumed']) {
      const { event, data } = await next()
      expect([event, JSON.parse(data).type]).toEqual(['event', type])
    }
    reply.destroy()
  })
  test('has logs as text, and followed as lines without an opening event', async () => {
    await box.exec('echo "grüße 1"; echo problem >&2')
    const logs = await ask('GET', `${box.path}/logs`)
    expect(logs.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(logs.text).toContain('grüße 1\n')
    expect((await ask('GET', `${box.path}/logs?stream=stderr&follow=0`)).text).not.toContain('grüße 1')
    for (const follow of ['1', 'true']) {
      const reply = await send('GET', `${box.path}/logs?follow=${follow}`)
      expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8')
      await box.exec(`echo later-${follow}`)
      for await (const { event, data } of eventsOf(reply)) {
        expect(event).toBe('line')
        const { line } = JSON.parse(data) as { line: string }
        expect(line.endsWith('\n')).toBe(true)
        if (line === `later-${follow}\n`) break
      }
      reply.destroy()
    }
    expect((await call('GET', `${box.path}/logs?follow=maybe`)).status).toBe(400)
  })
})

describe('an Idempotency-Key', () => {
  const once = () => ({ 'idempotency-key': `acceptance-${crypto.randomUUID()}` })
  test('gives the first sandbox again, refuses another body, and holds at once', async () => {
    const headers = once()
    const make = (wish: object = {}) =>
      call('POST', '/v1/sandboxes', { template: 'base', ttl_seconds: 60, ...wish }, headers)
    const answers = await Promise.all([make(), make(), make()])
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect((await make()).body.id).toBe(answers[0]?.body.id)
    expect(refused(await make({ ttl_seconds: 61 }))).toEqual([422, 'string'])
    await call('DELETE', `/v1/sandboxes/${answers[0]?.body.id}`)
  })
  test('gives the first key again, which works', async () => {
    const headers = once()
    const make = (label = 'acceptance') => call('POST', '/v1/me/tokens', { label }, headers)
    const answers = await Promise.all([make(), make(), make()])
    const tokens = new Set(answers.map(({ body }) => body.token))
    expect(tokens.size).toBe(1)
    expect((await make('other')).status).toBe(422)
    const [token = ''] = tokens
    expect((await ask('GET', '/v1/me', { bare: true, headers: { 'x-api-key': token } })).status).toBe(200)
    expect((await call('DELETE', `/v1/me/tokens/${token.slice(0, 12)}`)).status).toBe(204)
    await sleep(1200)
    expect((await ask('GET', '/v1/me', { bare: true, headers: { 'x-api-key': token } })).status).toBe(401)
  })
})
