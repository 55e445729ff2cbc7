// The edge in front of a server inside a sandbox; the guest's tunnel is played by a scripted one.

import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { WebSocket, WebSocketServer } from 'ws'
import { describe, expect, test } from 'vitest'
import { startDataWorld } from '@pandastack/testing/data-world.ts'
import { startScriptedGuest } from '@pandastack/testing/scripted-guest.ts'

const appPort = 8080

/** A server that echoes, behind a guest that tunnels to it on one port. */
const world = async () => {
  const stack = new AsyncDisposableStack()
  const app = createServer((request, response) => {
    response.writeHead(200, {
      'x-target': request.url,
      'x-seen': JSON.stringify(request.headers),
      'set-cookie': ['own=1; Path=/', 'wide=1; Domain=preview.test'],
      'clear-site-data': '"*"',
    })
    request.pipe(response)
  })
  const sockets = new WebSocketServer({ server: app })
  sockets.on('connection', (ws, request) =>
    ws.on('message', (data) => ws.send(`${request.url} ${String(data)} ${JSON.stringify(request.headers)}`)),
  )
  app.listen(0, '127.0.0.1')
  await once(app, 'listening')
  stack.defer(() => {
    sockets.close()
    app.closeAllConnections()
    app.close()
  })
  let tunnels = 0
  const guest = stack.use(
    await startScriptedGuest({
      upgrade: (request, socket) => {
        if (request.url !== `/v1/ports/${appPort}/tunnel`) {
          return void socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n')
        }
        tunnels += 1
        const inner = connect((app.address() as AddressInfo).port, '127.0.0.1')
        socket.on('error', () => inner.destroy())
        inner.on('error', () => socket.destroy())
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
        socket.pipe(inner)
        inner.pipe(socket)
      },
    }),
  )
  const it = stack.use(await startDataWorld(guest.port))
  const host = it.hostOf(appPort)
  const ask = async (
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port: it.port,
      path,
      method: options.method ?? 'GET',
      headers: { host, ...options.headers },
    })
    request.end(options.body)
    const [reply] = (await once(request, 'response')) as [IncomingMessage]
    const { 'x-seen': seen = '{}', ...headers } = reply.headers
    return {
      status: reply.statusCode,
      headers,
      seen: JSON.parse(String(seen)) as Record<string, string>,
      body: await text(reply),
    }
  }
  return { ...it, host, ask, tunnels: () => tunnels, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const publicPort = { port: appPort, label: '', public: true }

describe('a port by its host name', () => {
  test('is nothing to a stranger, just as one that is not there', async () => {
    await using it = await world()
    const nobody = it.host.replace(it.sandboxId, '00000000-0000-4000-8000-000000000000')
    const [closed, absent] = [await it.ask('/'), await it.ask('/', { headers: { host: nobody } })]
    expect(closed.status).toBe(404)
    expect(closed.body).toBe(absent.body)
    expect(it.tunnels()).toBe(0)
  })

  test('is open to everyone once it was declared public', async () => {
    await using it = await world()
    it.declared.push(publicPort)
    const reply = await it.ask('/a%20b?c', { method: 'POST', body: 'data' })
    expect([reply.status, reply.body, reply.headers['x-target']]).toEqual([200, 'data', '/a%20b?c'])
    expect(reply.seen).toMatchObject({
      host: it.host,
      'x-forwarded-host': it.host,
      'x-forwarded-proto': 'http',
    })
    expect(reply.headers['set-cookie']).toEqual(['own=1; Path=/'])
    expect(reply.headers['clear-site-data']).toBeUndefined()
    expect(it.uses()).toBe(0)
  })

  test('is open to the owner, whose key goes no further', async () => {
    await using it = await world()
    const reply = await it.ask('/', { headers: it.auth })
    expect(reply.status).toBe(200)
    expect(JSON.stringify(reply.seen)).not.toContain('pds_')
    expect((await it.ask('/', { headers: { authorization: `Bearer pds_${'1'.repeat(32)}` } })).status).toBe(
      404,
    )
  })

  test('is open to a signed token for it, in a header or a cookie, which go no further', async () => {
    await using it = await world()
    it.previews.set('good.token', { port: appPort, paths: [] })
    it.previews.set('other.port', { port: appPort + 1, paths: [] })
    it.previews.set('some.paths', { port: appPort, paths: ['/open'] })
    for (const headers of [
      { 'x-pandastack-preview-token': 'good.token' },
      { cookie: 'a=b; pandastack_preview=good.token' },
    ]) {
      const reply = await it.ask('/', { headers })
      expect(reply.status).toBe(200)
      expect(JSON.stringify(reply.seen)).not.toContain('good.token')
    }
    const withToken = async (token: string, path: string) =>
      (await it.ask(path, { headers: { 'x-pandastack-preview-token': token } })).status
    expect(await withToken('other.port', '/')).toBe(404)
    expect(await withToken('bad.token', '/')).toBe(404)
    expect(await withToken('some.paths', '/open/x')).toBe(200)
    expect(await withToken('some.paths', '/openx')).toBe(404)
    expect(await withToken('some.paths', '/open/../closed')).toBe(404)
  })

  test('exchanges a token in the URL for a cookie of this host alone', async () => {
    await using it = await world()
    it.previews.set('good.token', { port: appPort, paths: [] })
    const reply = await it.ask('/page?x=1&pandastack_token=good.token')
    expect([reply.status, reply.headers.location]).toEqual([303, '/page?x=1'])
    const [cookie = ''] = reply.headers['set-cookie'] ?? []
    expect(cookie).toBe('pandastack_preview=good.token; Path=/; HttpOnly; SameSite=Lax')
    expect((await it.ask('//evil.example/?pandastack_token=good.token')).headers.location).toBe(
      '/evil.example/',
    )
    expect((await it.ask('/?pandastack_token=bad.token')).status).toBe(404)
    const posted = await it.ask('/p?pandastack_token=good.token', { method: 'POST', body: 'x' })
    expect([posted.status, posted.headers['x-target']]).toEqual([200, '/p'])
    expect(it.tunnels()).toBe(1)
  })

  test('does not take its cookie from pages of other sandboxes', async () => {
    await using it = await world()
    it.previews.set('good.token', { port: appPort, paths: [] })
    const status = async (headers: Record<string, string>) =>
      (await it.ask('/', { headers: { cookie: 'pandastack_preview=good.token', ...headers } })).status
    expect(await status({ origin: 'http://8080-other.preview.test' })).toBe(404)
    expect(await status({ origin: 'null' })).toBe(404)
    expect(await status({ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' })).toBe(404)
    expect(await status({ origin: `http://${it.host}` })).toBe(200)
    expect(await status({ 'sec-fetch-site': 'same-origin' })).toBe(200)
    const link = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    }
    expect(await status(link)).toBe(200)
  })

  test('speaks WebSocket, to those who may', async () => {
    await using it = await world()
    const open = (headers: Record<string, string>): WebSocket =>
      new WebSocket(`ws://127.0.0.1:${it.port}/chat?pandastack_token=none`, {
        headers: { host: it.host, ...headers },
      })
    const [refused] = (await once(open({}), 'error')) as [Error]
    expect(refused.message).toMatch(/404/)
    const ws = open(it.auth)
    await once(ws, 'open')
    ws.send('hello')
    const [data] = (await once(ws, 'message')) as [Buffer]
    expect(String(data)).toMatch(/^\/chat hello /)
    expect(String(data)).not.toContain('pds_')
    ws.close()
    await expect.poll(() => it.uses()).toBe(0)
  })

  test('on which nothing listens is an upstream error, and that of the agent is none', async () => {
    await using it = await world()
    const quiet = await it.ask('/', { headers: { ...it.auth, host: it.hostOf(9) } })
    expect([quiet.status, quiet.body]).toEqual([502, expect.stringMatching(/"upstream: nothing listens/)])
    const agent = await it.ask('/', { headers: { ...it.auth, host: it.hostOf(49_983) } })
    expect(agent.status).toBe(404)
  })

  test.each([
    ['a trailing dot', (host: string) => `GET / HTTP/1.1\r\nHost: ${host}.\r\n`, /^HTTP\/1\.1 404 /],
    [
      'two hosts',
      (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: api.test\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'two hosts, ours last',
      (host: string) => `GET / HTTP/1.1\r\nHost: api.test\r\nHost: ${host}\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'another host in its URL',
      (host: string) => `GET http://api.test/ HTTP/1.1\r\nHost: ${host}\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'both lengths',
      (host: string) =>
        `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a target that is no path',
      (host: string) => `OPTIONS * HTTP/1.1\r\nHost: ${host}\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'another upgrade, as if it had not been offered',
      (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nUpgrade: tcp\r\n`,
      /^HTTP\/1\.1 200 /,
    ],
    [
      'its name in capitals',
      (host: string) => `GET / HTTP/1.1\r\nHost: ${host.toUpperCase()}\r\n`,
      /^HTTP\/1\.1 200 /,
    ],
  ])('asked for with %s', async (_name, head, expected) => {
    await using it = await world()
    it.declared.push(publicPort)
    const socket = connect(it.port, '127.0.0.1')
    socket.write(
      `${head(it.host)}Connection: close${head('').includes('Upgrade') ? ', upgrade' : ''}\r\n\r\n`,
    )
    expect(await text(socket)).toMatch(expected)
  })
})
