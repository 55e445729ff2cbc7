// Servers inside a sandbox, reached by the proxy, by signed links and by host names.

import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, begin, call, createBox, dial, key, refusedUpgrade, send } from './raw.ts'
import type { Box } from './raw.ts'

const port = 8000
const agentPort = 49_983
let box: Box & AsyncDisposable
beforeAll(async () => {
  box = await createBox()
  const source = readFileSync(new URL('guest-server.mjs', import.meta.url))
  await ask('PUT', `${box.path}/fs?path=/tmp/server.mjs`, { body: source })
  await box.exec(`setsid node /tmp/server.mjs ${port} </dev/null >/tmp/server.log 2>&1 &`)
  await box.exec(`until curl -sf localhost:${port} >/dev/null; do sleep 0.05; done`)
})
afterAll(() => box?.[Symbol.asyncDispose]())

interface Face {
  /** Before a path of the server. */
  at: string
  headers: Record<string, string>
}

/** Both directions at once, a piece at a time: whoever holds a body back until it is whole never gets to the end. */
const conversation = async ({ at, headers }: Face): Promise<string[]> => {
  const request = begin('POST', `${at}/echo`, headers)
  request.write('one')
  const [reply] = (await once(request, 'response')) as [IncomingMessage]
  const pieces: AsyncIterator<Buffer> = reply[Symbol.asyncIterator]()
  const heard = [String((await pieces.next()).value)]
  for (const piece of ['two', 'three']) {
    request.write(piece)
    heard.push(String((await pieces.next()).value))
  }
  request.end()
  expect((await pieces.next()).done).toBe(true)
  return heard
}

const eventsThrough = async ({ at, headers }: Face): Promise<string[]> => {
  const reply = await send('GET', `${at}/events`, { headers, bare: true })
  const pieces: AsyncIterator<Buffer> = reply[Symbol.asyncIterator]()
  const first = String((await pieces.next()).value)
  const told = await ask('GET', `${at}/go-on`, { headers, bare: true })
  const second = String((await pieces.next()).value)
  expect([reply.headers['content-type'], told.text]).toEqual(['text/event-stream', 'told'])
  return [first, second]
}

const passesEverything = async (face: Face): Promise<void> => {
  const bare = { bare: true, headers: face.headers }
  const seen = (await ask('GET', `${face.at}/a%2Fb//c?x=1&y=%20+`, bare)).body
  expect(seen).toMatchObject({ method: 'GET', url: '/a%2Fb//c?x=1&y=%20+' })
  expect(JSON.stringify(seen.headers)).not.toContain(key())
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST'])
    expect((await ask(method, `${face.at}/x`, { ...bare, body: '' })).body.method).toBe(method)
  expect(await ask('HEAD', `${face.at}/x`, bare)).toMatchObject({ status: 200, text: '' })
  expect(await ask('GET', `${face.at}/teapot`, bare)).toMatchObject({
    status: 418,
    text: 'short',
    headers: { 'x-own': 'header' },
  })
  expect(await conversation(face)).toEqual(['one', 'two', 'three'])
  expect(await eventsThrough(face)).toEqual(['data: first\n\n', 'data: second\n\n'])
  const line = await dial(`${face.at}/socket`, face.headers)
  line.send('through')
  expect(await line.next()).toEqual({ text: 'through' })
  line.close()
  await line.closed
}

const owner = () => ({ authorization: `Bearer ${key()}` })

describe('the proxy', () => {
  test('passes requests, streams both ways, WebSockets; and keeps the key', async () => {
    await passesEverything({ at: `${box.path}/proxy/${port}`, headers: owner() })
  })
  test('sets no cookies and gives pages no origin of ours', async () => {
    const { headers } = await ask('GET', `${box.path}/proxy/${port}/teapot`)
    expect(headers['set-cookie']).toBeUndefined()
    expect(headers['content-security-policy']).toMatch(/^sandbox/)
  })
  test('is for the owner, for ports that listen, and never for the agent', async () => {
    expect((await ask('GET', `${box.path}/proxy/${port}/`, { bare: true })).status).toBe(401)
    const closed = await call('GET', `${box.path}/proxy/9/`)
    expect(closed).toMatchObject({ status: 502, body: { error: expect.stringMatching(/^upstream: /) } })
    for (const bad of [agentPort, 0, 65_536, '08', 'x', '-1'])
      expect((await call('GET', `${box.path}/proxy/${bad}/`)).status, String(bad)).toBe(404)
    expect(await refusedUpgrade(`${box.path}/proxy/${port}/socket`, {})).toBe(401)
  })
})

describe('ports', () => {
  test('are detected, declared with a label, and withdrawn', async () => {
    const find = async () =>
      (await call('GET', `${box.path}/ports`)).body.find((one: { port: number }) => one.port === port)
    expect(await find()).toMatchObject({ source: 'detected', listening: true, label: '', public: false })
    const made = await call('POST', `${box.path}/ports`, { port, label: 'web' })
    expect(made).toMatchObject({ status: 201, body: { port, label: 'web', public: false } })
    expect(await find()).toMatchObject({ source: 'user', listening: true, label: 'web' })
    expect((await find()).proxy_url).toContain(`${box.path}/proxy/${port}/`)
    expect((await call('DELETE', `${box.path}/ports/${port}`)).status).toBe(204)
    expect((await call('DELETE', `${box.path}/ports/${port}`)).status).toBe(404)
    expect(await find()).toMatchObject({ source: 'detected' })
    const all: { port: number }[] = (await call('GET', `${box.path}/ports`)).body
    expect(all.map((one) => one.port)).not.toContain(agentPort)
  })
  test('that are none are refused', async () => {
    for (const bad of [0, -1, 65_536, 1.5, '80', null, undefined])
      expect((await call('POST', `${box.path}/ports`, { port: bad })).status, String(bad)).toBe(400)
    expect((await call('DELETE', `${box.path}/ports/x`)).status).toBe(404)
  })
})

const sign = async (wish: object = {}) =>
  (await call('POST', `${box.path}/preview-token`, { port, ...wish })).body
const link = (token: string) => `/v1/p/${token}`

describe('signed links', () => {
  test('lead whoever has them to the port, everything included', async () => {
    const signed = await sign()
    expect(signed).toMatchObject({
      sandbox_id: box.id,
      port,
      paths: [],
      url: expect.stringContaining(link(signed.token)),
    })
    const hour = Date.parse(signed.expires_at) - Date.now()
    expect(hour).toBeGreaterThan(3_500_000)
    await passesEverything({ at: link(signed.token), headers: {} })
  })
  test('lead nowhere but to their paths', async () => {
    const { token } = await sign({ paths: ['/docs', '/api/v1'] })
    const status = async (path: string) => (await ask('GET', link(token) + path, { bare: true })).status
    for (const good of ['/docs', '/docs/', '/docs/x?y', '/api/v1/z'])
      expect(await status(good), good).toBe(200)
    for (const bad of [
      '',
      '/',
      '/doc',
      '/docsx',
      '/api',
      '/docs/../secret',
      '/docs/%2e%2e/secret',
      '/docs/..%2fsecret',
      '/docs%2f..%2f..',
      '//docs',
      '/docs\\..\\x',
    ])
      expect(await status(bad), bad).toBe(404)
  })
  test('end in time, and cannot be forged', async () => {
    const { token } = await sign({ ttl_seconds: 1 })
    const good = (await sign()).token as string
    const other = (await sign({ port: 9 })).token as string
    await sleep(1100)
    const status = async (text: string) => (await ask('GET', `${link(text)}/`, { bare: true })).status
    expect(await status(good)).toBe(200)
    const [payload = '', mac = ''] = good.split('.')
    const text = Buffer.from(payload, 'base64url').toString()
    const remade = (changed: string) => `${Buffer.from(changed).toString('base64url')}.${mac}`
    const flipped = mac.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))
    const forged = [
      token,
      remade(text.replace(`|${port}|`, '|22|')),
      `${payload}.`,
      payload,
      `.${mac}`,
      `${payload}.${flipped}`,
      `${other.split('.')[0]}.${mac}`,
      `${good}.x`,
      'x',
      'a'.repeat(15_000),
    ]
    for (const one of forged) expect(await status(one), one.slice(0, 200)).toBe(404)
  })
  test('are made for ports, for a week at most', async () => {
    for (const bad of [
      { port: 0 },
      { ttl_seconds: 0 },
      { ttl_seconds: 604_801 },
      { paths: ['x'] },
      { paths: 'x' },
    ])
      expect(
        (await call('POST', `${box.path}/preview-token`, { port, ...bad })).status,
        JSON.stringify(bad),
      ).toBe(400)
    const { token } = await sign({ port: agentPort })
    if (token) expect((await ask('GET', `${link(token)}/`, { bare: true })).status).toBe(404)
  })
})

describe('host names', () => {
  let host = ''
  const face = (more: Record<string, string> = {}, of = port): Face => ({
    at: '',
    headers: { host: host.replace(String(port), String(of)), ...more },
  })
  const visit = (more?: Record<string, string>, path = '/', of?: number) =>
    ask('GET', path, { bare: true, headers: face(more, of).headers })
  beforeAll(async () => {
    await call('POST', `${box.path}/ports`, { port, label: 'web' })
    const { body } = await call('GET', `${box.path}/ports`)
    host = new URL(body.find((one: { port: number }) => one.port === port).preview_url).host
  })

  test('are private', async () => {
    expect(await visit()).toMatchObject({ status: 404, body: { error: expect.any(String) } })
    expect(await refusedUpgrade('/socket', face().headers)).toBe(404)
    expect((await visit({ authorization: `Bearer pds_${'0'.repeat(32)}` })).status).toBe(404)
    expect((await visit({}, '/v1/sandboxes')).status).toBe(404)
  })
  test("open for the owner's key, which the server does not see", async () => {
    await passesEverything(face(owner()))
  })
  test('open with a token in a header, a cookie, or once in the URL', async () => {
    const { token } = await sign()
    await passesEverything(face({ 'x-pandastack-preview-token': token }))
    const first = await visit({}, `/page?pandastack_token=${token}&z=1`)
    expect(first).toMatchObject({ status: 303, headers: { location: '/page?z=1' } })
    const [cookie = ''] = String(first.headers['set-cookie']).split(';')
    const page = await visit({ cookie: `own=1; ${cookie}` }, '/page?z=1')
    expect(page.body).toMatchObject({ url: '/page?z=1', headers: { cookie: 'own=1' } })
    expect((await visit({ cookie, origin: 'http://evil.example' })).status).toBe(404)
    const elsewhere = (await sign({ port: 9 })).token
    expect((await visit({ 'x-pandastack-preview-token': elsewhere })).status).toBe(404)
    expect((await visit({ 'x-pandastack-preview-token': `${token}x` })).status).toBe(404)
  })
  test('open for everybody when the port was declared public, until it is not', async () => {
    await call('POST', `${box.path}/ports`, { port, public: true })
    await passesEverything(face())
    expect((await visit({}, '/', 9)).status).toBe(404)
    await call('POST', `${box.path}/ports`, { port, public: false })
    expect((await visit()).status).toBe(404)
  })
  test('are no way round: processes of the sandbox may not use the agent that acts as root', async () => {
    const post = `-s -o /dev/null -w '%{http_code} ' -X POST -H 'content-type: application/json' -d '{}'`
    const list = `http://localhost:${agentPort}/process.Process/List`
    const url = `http://localhost:${agentPort}/v1`
    const { stdout } = await box.exec(
      `curl ${post} ${list}; curl ${post} -H 'X-Access-Token;' ${list}; curl ${post} ${url}/run; curl ${post} ${url}/thaw`,
    )
    expect(stdout.trim().split(' ')).toEqual(['401', '401', '401', '401'])
  })
  test('never lead to the agent, and odd names nowhere', async () => {
    await call('POST', `${box.path}/ports`, { port: agentPort, public: true })
    for (const one of [agentPort, 0, 99_999]) {
      const { status } = await visit(owner(), '/v1/health', one)
      expect([one, status]).toEqual([one, 404])
    }
    const none = host.replace(box.id, '00000000-0000-4000-8000-000000000000')
    expect((await ask('GET', '/', { headers: { host: none } })).status).toBe(404)
  })
})
