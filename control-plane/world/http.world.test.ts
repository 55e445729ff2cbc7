import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** Sends bytes as they are and reads until the server closes. */
const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1', () => socket.write(text))
    let reply = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => (reply += chunk))
    socket.on('end', () => resolve(reply))
    socket.on('error', reject)
    setTimeout(() => socket.destroy(new Error(`no end after: ${reply}`)), 5000).unref()
  })

const statusOf = (reply: string): number => Number(reply.slice(9, 12))

test('health, version and metrics are told without a key from this machine', async () => {
  expect((await world.ask('GET', '/healthz', undefined, { key: null })).body).toMatchObject({ ok: true })
  expect((await world.ask('GET', '/version', undefined, { key: null })).body.version).toBe('0.0.0-test')
  const metrics = await world.ask('GET', '/metrics', undefined, { key: null })
  expect(metrics.body).toContain('pandastack_http_request_seconds_bucket')
  const forwarded = { headers: { 'x-forwarded-for': '203.0.113.9' } }
  expect((await world.ask('GET', '/metrics', undefined, { key: null, ...forwarded })).status).toBe(401)
  expect((await world.ask('GET', '/metrics', undefined, forwarded)).status).toBe(200)
})

test('a request id is echoed when it is short and harmless, else minted', async () => {
  const idFor = async (id: string) =>
    (await world.ask('GET', '/healthz', undefined, { headers: { 'x-request-id': id } })).headers.get(
      'x-request-id',
    )
  expect(await idFor('abc-123')).toBe('abc-123')
  expect(await idFor('x'.repeat(65))).toMatch(/^[0-9a-f]{16}$/)
  expect(await idFor('a"b')).toMatch(/^[0-9a-f]{16}$/)
  const refused = await world.ask('GET', '/v1/me', undefined, {
    key: null,
    headers: { 'x-request-id': 'mine' },
  })
  expect([refused.status, refused.headers.get('x-request-id')]).toEqual([401, 'mine'])
})

test('unknown paths and methods have our shape', async () => {
  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/v1/nonsense'],
    ['PUT', '/v1/sandboxes'],
    ['GET', '/v1/%zz'],
  ] as const) {
    const answer = await world.ask(method, path)
    expect([path, answer.status >= 400 && answer.status < 500, typeof answer.body.error]).toEqual([
      path,
      true,
      'string',
    ])
  }
})

test('a request whose host can be read in two ways is refused', async () => {
  const port = new URL(world.url).port
  const host = `127.0.0.1:${port}`
  expect(
    statusOf(await raw(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nHost: other\r\nConnection: close\r\n\r\n`)),
  ).toBe(400)
  expect(
    statusOf(await raw(`GET http://other/healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)),
  ).toBe(400)
  expect(
    statusOf(await raw(`GET http://${host}/healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)),
  ).toBe(200)
})

test('what is not HTTP is refused in our shape', async () => {
  for (const [text, status] of [
    ['NONSENSE\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
  ] as const) {
    const reply = await raw(text)
    expect(statusOf(reply)).toBe(status)
    expect(reply.slice(reply.indexOf('\r\n\r\n') + 4)).toContain('"error":')
  }
})

test('an upgrade that nobody offers is answered like any request, and one without a key is refused', async () => {
  const h2c = 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n'
  expect(statusOf(await raw(h2c))).toBe(200)
  const webSocket = (path: string) =>
    raw(
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
  expect(statusOf(await webSocket('/v1/me'))).toBe(401)
  expect(statusOf(await webSocket(`/v1/me?access_token=${world.key}`))).toBe(200)
  expect(statusOf(await webSocket('/nowhere'))).toBe(404)
})

test('the OpenAPI document is valid JSON, names every route once, and has no doubled schemas', async () => {
  const { body, status } = await world.ask('GET', '/v1/openapi.json', undefined, { key: null })
  expect([status, body.openapi]).toEqual([200, '3.1.0'])
  const operations = Object.values(
    body.paths as Record<string, Record<string, { operationId?: string }>>,
  ).flatMap((path) => Object.values(path).map(({ operationId }) => operationId))
  expect(operations).toEqual(
    expect.arrayContaining(['createSandbox', 'listSandboxes', 'createToken', 'setLifecycle']),
  )
  const named = operations.filter((id) => id !== undefined)
  expect(new Set(named).size).toBe(named.length)
  expect(Object.keys(body.components.schemas).filter((name) => name.endsWith('Input'))).toEqual([])
  const references = JSON.stringify(body).match(/#\/components\/schemas\/[A-Za-z]+/g) ?? []
  for (const reference of references) expect(body.components.schemas).toHaveProperty(reference.slice(21))
})

test('the reference page and its script come from here', async () => {
  const page = await world.ask('GET', '/docs/', undefined, { key: null })
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain(`default-src 'self'`)
  const sources = [...String(page.body).matchAll(/src="([^"]+)"/g)].map(([, source]) => source)
  expect(sources).toEqual(['js/scalar.js'])
  const script = await fetch(`${world.url}/docs/js/scalar.js`)
  expect([script.status, (await script.text()).length > 1_000_000]).toEqual([200, true])
})
