import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const create = async (body: object = { template: 'base' }, key?: string) =>
  world.ask('POST', '/v1/sandboxes', body, key === undefined ? {} : { key })

const rowsAlive = async () =>
  world.db.selectFrom('sandboxes').select(['id', 'status']).where('deleted_at', 'is', null).execute()

test('a sandbox is created, found, listed, and gone after its deletion', async () => {
  const made = await create({
    template: 'agent',
    ttl_seconds: 900,
    metadata: { a: 'b', 'secret.x': 'hidden' },
  })
  expect(made.status).toBe(201)
  expect(made.body).toMatchObject({
    template: 'agent',
    status: 'running',
    cpu: 2,
    memory_mb: 2048,
    boot_mode: 'snapshot',
    tier: 'none',
    isolation: 'fake',
    guest_ip: '10.0.0.2',
    metadata: { a: 'b', 'secret.x': '[redacted]' },
    ttl_seconds: 900,
    persistent: false,
    from_snapshot: '',
    failure: null,
  })
  const { id } = made.body
  expect((await world.ask('GET', `/v1/sandboxes/${id}`)).body.id).toBe(id)
  expect((await world.ask('GET', '/v1/sandboxes')).body).toHaveLength(1)
  expect((await world.ask('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204)
  expect(world.host.living()).toEqual([])
  const after = await world.ask('GET', `/v1/sandboxes/${id}`)
  expect([after.status, after.body]).toEqual([404, { error: 'not found', code: 'not_found' }])
  expect((await world.ask('GET', '/v1/sandboxes')).body).toEqual([])
  expect((await world.ask('DELETE', `/v1/sandboxes/${id}`)).status).toBe(404)
  await expect.poll(() => world.host.machines.size).toBe(0)
})

test('an alias creates from its template and is what the caller reads back', async () => {
  const { body } = await create({ template: 'ubuntu-24.04' })
  expect(body.template).toBe('ubuntu-24.04')
  expect(world.host.of(body.id).spec.source).toEqual({ kind: 'template', template: 'base' })
})

test('lists are newest first', async () => {
  const ids: string[] = []
  for (let i = 0; i < 3; i++) ids.unshift((await create()).body.id)
  const { body } = await world.ask('GET', '/v1/sandboxes')
  expect(body.map((entry: { id: string }) => entry.id)).toEqual(ids)
})

test('another tenant gets for every route what it gets for an unknown id', async () => {
  const { id } = (await create()).body
  const stranger = await world.mint('stranger')
  expect((await world.ask('GET', '/v1/sandboxes', undefined, { key: stranger })).body).toEqual([])
  const routes: [string, string, unknown?][] = [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/pause'],
    ['POST', '/resume'],
    ['POST', '/hibernate'],
    ['GET', '/lifecycle'],
    ['PATCH', '/lifecycle', { ttl_seconds: 5 }],
    ['GET', '/events'],
    ['GET', '/metrics'],
    ['POST', '/ports', { port: 80 }],
    ['DELETE', '/ports/80'],
    ['POST', '/preview-token', { port: 80 }],
  ]
  for (const [method, suffix, body] of routes) {
    const unknown = await world.ask(
      method,
      `/v1/sandboxes/00000000-0000-4000-8000-000000000000${suffix}`,
      body,
    )
    const malformed = await world.ask(method, `/v1/sandboxes/..%2f..%00nonsense${suffix}`, body)
    const foreign = await world.ask(method, `/v1/sandboxes/${id}${suffix}`, body, { key: stranger })
    for (const answer of [unknown, malformed, foreign]) {
      expect([method, suffix, answer.status, answer.body]).toEqual([
        method,
        suffix,
        404,
        { error: 'not found', code: 'not_found' },
      ])
    }
  }
  expect((await world.ask('GET', `/v1/sandboxes/${id}`)).body.status).toBe('running')
})

test('pause and resume change the state, may be repeated, and take an empty text body', async () => {
  const { id } = (await create()).body
  const empty = { headers: { 'content-type': 'text/plain;charset=UTF-8' } }
  for (const [verb, status] of [
    ['pause', 'paused'],
    ['pause', 'paused'],
    ['resume', 'running'],
    ['resume', 'running'],
  ] as const) {
    expect((await world.ask('POST', `/v1/sandboxes/${id}/${verb}`, '', empty)).status).toBe(204)
    expect((await world.ask('GET', `/v1/sandboxes/${id}`)).body.status).toBe(status)
  }
  expect(world.host.of(id).report.state).toBe('running')
})

test('what is not there, or not there yet, says so', async () => {
  const snapshot = await create({ template: 'base', from_snapshot: '00000000-0000-4000-8000-000000000000' })
  expect([snapshot.status, snapshot.body.error]).toEqual([404, 'snapshot not found'])
  expect((await create({ volumes: [{ name: 'v' }] })).status).toBe(501)
  expect((await create({ volumes: [] })).status).toBe(201)
})

test('a machine that does not start leaves nothing and is told as what it is', async () => {
  const cases = [
    ['capacity', 503, 'no_capacity', '5'],
    ['boot_failed', 503, 'unavailable', '5'],
    ['unknown_template', 400, 'invalid_request', null],
  ] as const
  for (const [reason, status, code, retryAfter] of cases) {
    world.host.failNext = reason
    const answer = await create()
    expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([
      status,
      code,
      retryAfter,
    ])
    expect(typeof answer.body.error).toBe('string')
  }
  expect(await rowsAlive()).toEqual([])
  await expect.poll(() => world.host.machines.size).toBe(0)
})

test('a host that does not answer is told, and what it may have begun is ended when it answers again', async () => {
  await create()
  world.host.away = true
  const answer = await create()
  expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([
    503,
    'unavailable',
    '5',
  ])
  expect(await rowsAlive()).toHaveLength(1)
  world.host.away = false
  await expect
    .poll(() => world.db.selectFrom('sandboxes').select('id').where('settled', '=', false).execute())
    .toHaveLength(1)
  expect(world.host.living()).toHaveLength(1)
})

test('a full host refuses, and one place less makes room for exactly one', async () => {
  world.host.machinesMax = 5
  world.host.bootMs = 20
  const answers = await Promise.all(Array.from({ length: 12 }, () => create()))
  const made = answers.filter(({ status }) => status === 201)
  const refused = answers.filter(({ status }) => status !== 201)
  expect(made).toHaveLength(5)
  expect(new Set(refused.map(({ status, body }) => `${status} ${body.error}`))).toEqual(
    new Set(['503 no compute capacity available']),
  )
  expect(world.host.living()).toHaveLength(5)
  await world.ask('DELETE', `/v1/sandboxes/${made[0]?.body.id}`)
  expect((await create()).status).toBe(201)
})

test('below the limit a burst is queued and never refused', async () => {
  world.host.bootMs = 10
  const answers = await Promise.all(Array.from({ length: 60 }, () => create()))
  expect(answers.map(({ status }) => status)).toEqual(Array(60).fill(201))
  const ids = new Set(answers.map(({ body }) => body.id))
  expect([ids.size, world.host.living().length]).toEqual([60, 60])
})

test('a caller that hangs up takes its sandbox with it', async () => {
  world.host.bootMs = 300
  const impatient = new AbortController()
  const asking = world.ask('POST', '/v1/sandboxes', {}, { signal: impatient.signal })
  await expect.poll(() => world.host.living().length).toBe(1)
  impatient.abort()
  await expect(asking).rejects.toThrow()
  await expect.poll(() => rowsAlive()).toEqual([])
  await expect.poll(() => world.host.living()).toEqual([])
})

test('a caller that hangs up but left an Idempotency-Key finds its sandbox', async () => {
  world.host.bootMs = 200
  const impatient = new AbortController()
  const headers = { 'idempotency-key': 'later' }
  const asking = world.ask('POST', '/v1/sandboxes', {}, { signal: impatient.signal, headers })
  await expect.poll(() => world.host.living().length).toBe(1)
  impatient.abort()
  await expect(asking).rejects.toThrow()
  const answer = await world.ask('POST', '/v1/sandboxes', {}, { headers })
  expect([answer.status, answer.body.status]).toEqual([201, 'running'])
  expect(await rowsAlive()).toEqual([{ id: answer.body.id, status: 'running' }])
})

test('deleting a sandbox while it is being created ends the create', async () => {
  world.host.bootMs = 1000
  const asking = create()
  await expect.poll(() => world.host.living().length).toBe(1)
  const [row] = await rowsAlive()
  expect((await world.ask('DELETE', `/v1/sandboxes/${row?.id}`)).status).toBe(204)
  expect((await asking).status).toBe(409)
  expect(world.host.living()).toEqual([])
})

test('figures come from the host, and a sandbox without a machine has none', async () => {
  const { id } = (await create()).body
  expect((await world.ask('GET', `/v1/sandboxes/${id}/metrics`)).body).toMatchObject({
    pid: 4711,
    uptime_seconds: 1,
    host_cpu_percent: 0.5,
    host_rss_bytes: 1024,
    host_vsz_bytes: 4096,
    threads: 3,
    // The fake host has no guest to ask.
    guest: null,
  })
  world.host.become(world.host.of(id), 'failed', 'oom')
  await expect.poll(async () => (await world.ask('GET', `/v1/sandboxes/${id}`)).body.status).toBe('failed')
  expect((await world.ask('GET', `/v1/sandboxes/${id}/metrics`)).status).toBe(409)
})

test('templates are listed bare and found by alias', async () => {
  const { body } = await world.ask('GET', '/v1/templates')
  expect(body.map((entry: { name: string }) => entry.name)).toEqual(['base', 'agent', 'code-interpreter'])
  expect((await world.ask('GET', '/v1/templates/node')).body).toMatchObject({
    name: 'base',
    baked: true,
    is_global: true,
  })
  expect((await world.ask('GET', '/v1/templates/none')).status).toBe(404)
})
