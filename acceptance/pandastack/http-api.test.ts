// What the server tells about itself and what it refuses, over plain HTTP.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, call, createBox, key } from './raw.ts'
import type { Answer, Box } from './raw.ts'

let box: Box & AsyncDisposable
beforeAll(async () => {
  box = await createBox()
})
afterAll(() => box?.[Symbol.asyncDispose]())

const anyone = '00000000-0000-4000-8000-000000000000'
const refused = ({ status, body }: Answer) => [status, typeof body.error]

describe('the server', () => {
  test('takes the key as a bearer or as X-API-Key, and in a URL only for streams', async () => {
    const me = (headers: Record<string, string>, query = '') =>
      ask('GET', `/v1/me${query}`, { bare: true, headers })
    expect((await me({ 'x-api-key': key() })).body).toMatchObject({
      auth_method: 'api_token',
      orgs: expect.any(Array),
    })
    expect((await me({})).body).toEqual({
      error: 'unauthorized',
      code: 'unauthorized',
      detail: 'missing bearer token',
    })
    expect((await me({ authorization: 'Bearer pds_x' })).body).toMatchObject({ detail: 'invalid api token' })
    expect((await me({}, `?access_token=${key()}`)).status).toBe(401)
  })
  test('echoes a request id or makes one', async () => {
    const idOf = async (given?: string) =>
      (await ask('GET', '/v1/me', { headers: given === undefined ? {} : { 'x-request-id': given } })).headers[
        'x-request-id'
      ]
    expect(await idOf('mine-1')).toBe('mine-1')
    expect(await idOf()).toMatch(/^[\w-]{8,64}$/)
    expect(await idOf('x'.repeat(500))).toMatch(/^[\w-]{8,64}$/)
  })
  test('tells that it is well, what it is and how it does', async () => {
    expect((await ask('GET', '/healthz', { bare: true })).text).toContain('"ok"')
    expect((await ask('GET', '/version', { bare: true })).body).toMatchObject({ version: expect.any(String) })
    expect((await ask('GET', '/metrics')).text).toMatch(/^# TYPE pandastack_/m)
  })
  test('lists and shows templates, by alias as well', async () => {
    const { body } = await call('GET', '/v1/templates')
    expect(body.map((one: { name: string }) => one.name)).toEqual(
      expect.arrayContaining(['base', 'agent', 'code-interpreter']),
    )
    for (const alias of ['ubuntu-24.04', 'ubuntu-24.04-net', 'node'])
      expect((await call('GET', `/v1/templates/${alias}`)).status, alias).toBe(200)
    expect(refused(await call('GET', '/v1/templates/none'))).toEqual([404, 'string'])
  })
  test('has a reference page that needs nothing from elsewhere', async () => {
    let page = await ask('GET', '/docs', { bare: true })
    if (page.status >= 300 && page.status < 400)
      page = await ask('GET', new URL(page.headers.location ?? '', 'http://x/docs').pathname, { bare: true })
    expect(page.status).toBe(200)
    expect(page.headers['content-security-policy']).toContain("default-src 'self'")
    const asked = [...page.text.matchAll(/(?:src|href)\s*=\s*["']?([^"'\s>]+)/g)].map(([, url = '']) => url)
    expect(asked.filter((url) => /^(https?:)?\/\//.test(url))).toEqual([])
    for (const url of asked.filter((one) => !one.startsWith('data:') && !one.startsWith('#')))
      expect((await ask('GET', new URL(url, 'http://x/docs/').pathname, { bare: true })).status, url).toBe(
        200,
      )
  })
})

const sandbox = '/v1/sandboxes/{id}'
const endpoints = [
  'POST /v1/sandboxes',
  'GET /v1/sandboxes',
  `GET ${sandbox}`,
  `DELETE ${sandbox}`,
  `POST ${sandbox}/pause`,
  `POST ${sandbox}/resume`,
  `POST ${sandbox}/hibernate`,
  `POST ${sandbox}/stop`,
  `POST ${sandbox}/wake`,
  `POST ${sandbox}/start`,
  `POST ${sandbox}/snapshots`,
  'GET /v1/snapshots',
  'GET /v1/snapshots/{id}',
  'DELETE /v1/snapshots/{id}',
  'GET /v1/snapshots/{id}/diff',
  `POST ${sandbox}/checkpoints`,
  `GET ${sandbox}/checkpoints`,
  `POST ${sandbox}/rewind`,
  `GET ${sandbox}/diff`,
  `POST ${sandbox}/fork`,
  `POST ${sandbox}/fork-tree`,
  `POST ${sandbox}/promote`,
  `POST ${sandbox}/attempts`,
  `GET ${sandbox}/lifecycle`,
  `PATCH ${sandbox}/lifecycle`,
  `POST ${sandbox}/exec`,
  `POST ${sandbox}/exec/stream`,
  `GET ${sandbox}/exec/ws`,
  `GET ${sandbox}/exec/pty`,
  `GET ${sandbox}/ssh`,
  `POST ${sandbox}/repl`,
  `POST ${sandbox}/repl/sessions`,
  `GET ${sandbox}/repl/sessions`,
  `DELETE ${sandbox}/repl/sessions/{sid}`,
  `POST ${sandbox}/repl/sessions/{sid}/run`,
  'GET /v1/repl/languages',
  `GET ${sandbox}/fs`,
  `PUT ${sandbox}/fs`,
  `DELETE ${sandbox}/fs`,
  `GET ${sandbox}/fs/dir`,
  `GET ${sandbox}/fs/stat`,
  `POST ${sandbox}/fs/mkdir`,
  `POST ${sandbox}/fs/rename`,
  `GET ${sandbox}/logs`,
  `GET ${sandbox}/events`,
  `GET ${sandbox}/metrics`,
  `GET ${sandbox}/ports`,
  `POST ${sandbox}/ports`,
  `DELETE ${sandbox}/ports/{port}`,
  `POST ${sandbox}/preview-token`,
  `GET ${sandbox}/proxy/{port}/{path}`,
  'GET /v1/p/{token}/{path}',
  'GET /v1/templates',
  'GET /v1/templates/{name}',
  'GET /v1/me',
  'GET /v1/me/tokens',
  'POST /v1/me/tokens',
  'DELETE /v1/me/tokens/{prefix}',
  'GET /healthz',
  'GET /version',
  'GET /metrics',
  'GET /v1/openapi.json',
]

describe('the OpenAPI document', () => {
  interface Operation {
    operationId: string
    security?: object[]
    responses: Record<string, unknown>
  }
  const read = async () => {
    const { paths } = (await ask('GET', '/v1/openapi.json', { bare: true })).body as {
      paths: Record<string, Record<string, Operation>>
    }
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        ...operation,
      })),
    )
  }
  test('has every endpoint, each with what it answers when all is well', async () => {
    const operations = await read()
    const shown = operations.map(({ method, path }) => `${method} ${path}`)
    expect(endpoints.filter((one) => !shown.includes(one))).toEqual([])
    for (const { operationId, responses } of operations)
      expect(
        Object.keys(responses).some((status) => /^(101|2..)$/.test(status)),
        operationId,
      ).toBe(true)
  })
  test('says truly which endpoints need a key', async () => {
    const operations = (await read()).filter(
      ({ method, path }) => path !== '/metrics' && !path.startsWith('/v1/p/') && method !== 'TRACE',
    )
    for (const { method, path, security, operationId } of operations) {
      const { status } = await ask(method, path.replaceAll(/\{\w+\}/g, 'x'), { bare: true })
      expect([operationId, status]).toEqual([operationId, security ? 200 : 401])
    }
  })
})

describe('bad input is told so, in the shape of an error', () => {
  const s = () => box.path
  test.each([
    ['a wrong type', 'POST', '/v1/sandboxes', { ttl_seconds: 'soon' }, 400],
    ['a list for an object', 'POST', '/v1/sandboxes', [], 400],
    ['an unknown template', 'POST', '/v1/sandboxes', { template: 'nope' }, 400],
    ['a template that is a path', 'POST', '/v1/sandboxes', { template: '../../etc' }, 400],
    ['a negative TTL', 'POST', '/v1/sandboxes', { ttl_seconds: -1 }, 400],
    ['an absurd TTL', 'POST', '/v1/sandboxes', { ttl_seconds: 1e15 }, 400],
    ['a broken body', 'POST', '/v1/sandboxes', '{"template":', 400],
    ['a deep body', 'POST', '/v1/sandboxes', '['.repeat(100_000) + ']'.repeat(100_000), 400],
    [
      'a body over the limit',
      'POST',
      '/v1/sandboxes',
      JSON.stringify({ template: 'x'.repeat(2_000_000) }),
      413,
    ],
    ['an unknown snapshot', 'POST', '/v1/sandboxes', { from_snapshot: '../x' }, 404],
    ['a stranger', 'GET', `/v1/sandboxes/${anyone}`, undefined, 404],
    ['an id that is none', 'GET', '/v1/sandboxes/%2e%2e%2f', undefined, 404],
    ['a bad escape', 'GET', '/v1/sandboxes/%zz', undefined, 400],
    ['a path that is none', 'GET', '/v1/none', undefined, 404],
    ['a method that is none', 'PUT', '/v1/sandboxes', {}, 404],
    ['a key that is too long', 'DELETE', '/v1/me/tokens/x', undefined, 404],
    ['a label that is too long', 'POST', '/v1/me/tokens', { label: 'x'.repeat(1000) }, 400],
  ])('%s', async (_what, method, path, body, status) => {
    expect(refused(await call(method, path, body))).toEqual([status, 'string'])
  })
  test('in a sandbox: commands, deadlines, keys', async () => {
    for (const bad of [
      {},
      { cmd: '' },
      { cmd: 7 },
      { cmd: 'x', timeout_seconds: -1 },
      { cmd: 'x', cwd: '/none' },
      { cmd: 'x', user: 'nobody-such' },
    ])
      for (const path of ['exec', 'exec/stream'])
        expect(refused(await call('POST', `${s()}/${path}`, bad)), path + JSON.stringify(bad)).toEqual([
          400,
          'string',
        ])
    expect(refused(await call('POST', '/v1/sandboxes', {}, { 'idempotency-key': 'x'.repeat(300) }))).toEqual([
      400,
      'string',
    ])
    expect(refused(await call('POST', `${s()}/exec`, { cmd: 'sleep 9', timeout_seconds: 0.5 }))).toEqual([
      504,
      'string',
    ])
  })
  test('but a command of 1 MB runs, and JSON under any content type is understood', async () => {
    const cmd = `printf ${'x'.repeat(1_000_000)} | wc -c`
    expect((await call('POST', `${s()}/exec`, { cmd })).body.stdout.trim()).toBe('1000000')
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await ask('POST', `${s()}/exec`, { headers, body: '{"cmd":"echo form"}' })).body.stdout).toBe(
      'form\n',
    )
  })
  test('a client that hangs up leaves nothing half made', async () => {
    const label = `hangup-${crypto.randomUUID()}`
    const gone = new AbortController()
    const cut = fetch(`${process.env['PANDASTACK_API']}/v1/sandboxes`, {
      method: 'POST',
      signal: gone.signal,
      headers: { authorization: `Bearer ${key()}` },
      body: JSON.stringify({ template: 'base', metadata: { label } }),
    })
    setTimeout(() => gone.abort(), 30)
    await expect(cut).rejects.toThrow()
    const mine = async () =>
      (await call('GET', '/v1/sandboxes')).body.filter(
        (one: { metadata: { label?: string } }) => one.metadata.label === label,
      )
    await expect.poll(mine, { timeout: 10_000 }).toEqual([])
  })
})
