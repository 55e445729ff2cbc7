// Files, logs and ports in front of the real guest agent, which runs as an ordinary process of this machine.

import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startDataWorld } from '@pandastack/testing/data-world.ts'
import type { DataWorld } from '@pandastack/testing/data-world.ts'
import { findGo, startGuestd } from '@pandastack/testing/guestd.ts'
import type { Guestd } from '@pandastack/testing/guestd.ts'

const go = findGo()
if (!go)
  console.log(
    'skipped: real-guest-files.world.test.ts, because there is no Go compiler to build the agent with',
  )

describe.skipIf(!go)('with the real agent', () => {
  const stack = new AsyncDisposableStack()
  let guest: Guestd
  let it: DataWorld

  beforeAll(async () => {
    guest = stack.use(await startGuestd(go ?? ''))
    it = stack.use(await startDataWorld(guest.port))
  })
  afterAll(() => stack.disposeAsync())

  const call = async (method: string, path: string, body?: unknown) => {
    const reply = await fetch(`${it.sandboxUrl}${path}`, {
      method,
      headers: { ...it.auth, ...(body !== undefined && { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await reply.text()
    const isJson = reply.headers.get('content-type')?.startsWith('application/json') ?? false
    return { status: reply.status, text, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} }
  }

  describe('a file', () => {
    const at = (path: string): string =>
      `/fs?path=${new URLSearchParams({ path: join(guest.folder, path) }).toString().slice(5)}`

    test('comes back as it went, whatever is in its name and in it', async () => {
      const bytes = randomBytes(3_000_000)
      const url = `${it.sandboxUrl}${at('new dir/é+%.bin')}`
      expect(url).toContain('new+dir')
      const written = await fetch(url, { method: 'PUT', headers: it.auth, body: bytes })
      expect(await written.json()).toEqual({
        path: join(guest.folder, 'new dir/é+%.bin'),
        bytes: bytes.length,
      })
      const read = await fetch(url, { headers: it.auth })
      expect(read.headers.get('content-type')).toBe('application/octet-stream')
      expect(read.headers.get('content-length')).toBe(String(bytes.length))
      expect(Buffer.from(await read.arrayBuffer()).equals(bytes)).toBe(true)
    })

    test('is written with any content type, with none, and empty', async () => {
      for (const [type, body] of [
        ['application/json', 'no JSON {'],
        ['text/plain', 'x'],
        [undefined, ''],
      ] as const) {
        const headers = { ...it.auth, ...(type !== undefined && { 'content-type': type }) }
        const reply = await fetch(`${it.sandboxUrl}${at('typed')}`, { method: 'PUT', headers, body })
        expect(reply.status).toBe(200)
        expect((await call('GET', at('typed'))).text).toBe(body)
      }
    })

    test('of 64 MB is streamed both ways', async () => {
      const piece = randomBytes(1024 * 1024)
      const sent = createHash('sha256')
      const pieces = Array.from({ length: 64 }, () => piece)
      for (const one of pieces) sent.update(one)
      const put = await fetch(`${it.sandboxUrl}${at('big')}`, {
        method: 'PUT',
        headers: it.auth,
        body: Readable.toWeb(Readable.from(pieces)) as ReadableStream,
        duplex: 'half',
      } as RequestInit)
      expect(put.status).toBe(200)
      const received = createHash('sha256')
      const reply = await fetch(`${it.sandboxUrl}${at('big')}`, { headers: it.auth })
      for await (const chunk of reply.body!) received.update(chunk as Uint8Array)
      expect(received.digest('hex')).toBe(sent.digest('hex'))
    })

    test('is listed, described, renamed and deleted', async () => {
      await call('POST', '/fs/mkdir', { path: join(guest.folder, 'tree/a/b') })
      await fetch(`${it.sandboxUrl}${at('tree/f')}`, { method: 'PUT', headers: it.auth, body: 'abc' })
      const listed = await call('GET', `/fs/dir?path=${guest.folder}/tree`)
      expect(listed.body['entries']).toMatchObject([
        { name: 'a', is_dir: true, mode: 'd' },
        { name: 'f', is_dir: false, mode: 'f', size: 3 },
      ])
      expect((await call('GET', `/fs/dir?path=${guest.folder}/tree/a/b`)).body['entries']).toEqual([])
      const from = join(guest.folder, 'tree/f')
      expect((await call('POST', '/fs/rename', { from, to: `${from}2` })).status).toBe(204)
      expect((await call('GET', `/fs/stat?path=${from}2`)).body).toMatchObject({ name: 'f2', size: 3 })
      expect((await call('DELETE', at('tree'))).status).toBe(204)
      expect((await call('GET', `/fs/stat?path=${from}2`)).status).toBe(404)
    })

    test('that is missing is 404, and a path that is none is 400', async () => {
      for (const path of ['/fs', '/fs/stat', '/fs/dir']) {
        expect((await call('GET', `${path}?path=/no/such/thing`)).status).toBe(404)
        expect((await call('GET', `${path}?path=a%00b`)).status).toBe(400)
        expect((await call('GET', `${path}?path=`)).status).toBe(400)
        expect((await call('GET', `${path}?path=${'x'.repeat(5000)}`)).status).toBe(400)
      }
      expect((await call('GET', '/fs')).status).toBe(400)
      expect((await call('DELETE', '/fs?path=/no/such/thing')).status).toBe(404)
      expect((await call('PUT', '/fs?path=a%00b')).status).toBe(400)
      expect((await call('POST', '/fs/rename', { from: '/no/such', to: '/tmp/x' })).status).toBe(404)
      expect((await call('POST', '/fs/mkdir', { path: 5 })).status).toBe(400)
    })
  })

  describe('logs', () => {
    test('are plain text, by stream', async () => {
      await call('POST', '/exec', { cmd: 'echo é-to-out; echo to-err >&2' })
      const reply = await fetch(`${it.sandboxUrl}/logs?stream=stdout`, { headers: it.auth })
      expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      const text = await reply.text()
      expect(text).toContain('é-to-out\n')
      expect(text).not.toContain('to-err')
      expect((await call('GET', '/logs?stream=both&follow=false')).text).toContain('to-err\n')
      expect((await call('GET', '/logs?stream=other')).status).toBe(400)
    })

    test('are followed as line events, of which none is an open event', async () => {
      const abort = new AbortController()
      const reply = await fetch(`${it.sandboxUrl}/logs?follow=true`, {
        headers: it.auth,
        signal: abort.signal,
      })
      expect(reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
      await call('POST', '/exec', { cmd: 'echo later' })
      let text = ''
      for await (const chunk of reply.body!) {
        text += Buffer.from(chunk as Uint8Array).toString()
        if (text.includes('later')) break
      }
      abort.abort()
      expect(text).toContain('event: line\ndata: {"line":"later\\n"}\n\n')
      expect(text).not.toContain('event: open')
      await expect.poll(() => it.uses()).toBe(0)
    })
  })

  describe('a port', () => {
    const serve = async () => {
      const server = createServer((request, response) => {
        response.writeHead(200, {
          'set-cookie': 'pandastack=stolen',
          'x-target': request.url,
          'x-seen': JSON.stringify(request.headers),
        })
        request.pipe(response)
      })
      const sockets = new WebSocketServer({ server })
      sockets.on('connection', (ws, request) =>
        ws.on('message', (data) => ws.send(`${request.url} ${String(data)}`)),
      )
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      return {
        port,
        async [Symbol.asyncDispose]() {
          sockets.close()
          server.closeAllConnections()
          server.close()
        },
      }
    }

    test('is listed when it was declared and when something listens on it', async () => {
      await using server = await serve()
      it.declared.push({ port: 4, label: 'quiet', public: true })
      const ports = JSON.parse((await call('GET', '/ports')).text) as { port: number }[]
      it.declared.pop()
      expect(ports).toContainEqual({
        port: server.port,
        label: '',
        listening: true,
        source: 'detected',
        proxy_url: `http://api.test/v1/sandboxes/${it.sandboxId}/proxy/${server.port}/`,
        preview_url: `http://${server.port}-${it.sandboxId}.preview.test`,
        public: false,
      })
      expect(ports).toContainEqual(
        expect.objectContaining({ port: 4, label: 'quiet', listening: false, source: 'user' }),
      )
      expect(ports.map(({ port }) => port)).toEqual(ports.map(({ port }) => port).toSorted((a, b) => a - b))
    })

    test('is reached through the proxy, which keeps our credentials to itself', async () => {
      await using server = await serve()
      const reply = await fetch(`${it.sandboxUrl}/proxy/${server.port}/a%20b?c=d`, {
        method: 'POST',
        headers: { ...it.auth, cookie: 'pandastack_session=1; theirs=2', 'x-pandastack-x': '1' },
        body: 'body',
      })
      expect(await reply.text()).toBe('body')
      expect(reply.headers.get('x-target')).toBe('/a%20b?c=d')
      const seen = JSON.parse(reply.headers.get('x-seen') ?? '') as Record<string, string>
      expect(seen).toMatchObject({ cookie: 'theirs=2', host: `localhost:${server.port}` })
      expect(JSON.stringify(seen)).not.toContain('pds_')
      expect(seen).not.toHaveProperty('x-pandastack-x')
      expect(reply.headers.get('set-cookie')).toBeNull()
      expect(reply.headers.get('content-security-policy')).toMatch(/^sandbox /)
    })

    test('speaks WebSocket through the proxy, with the key in the query taken out', async () => {
      await using server = await serve()
      const url = `${it.sandboxUrl.replace('http', 'ws')}/proxy/${server.port}/chat?x=1&access_token=${it.key}`
      const ws = new WebSocket(url)
      await once(ws, 'open')
      ws.send('hello')
      const [data] = (await once(ws, 'message')) as [Buffer]
      expect(String(data)).toBe('/chat?x=1 hello')
      ws.close()
      await expect.poll(() => it.uses()).toBe(0)
    })

    test('on which nothing listens is an upstream error, and that of the agent is none', async () => {
      expect(await call('GET', '/proxy/1/')).toMatchObject({
        status: 502,
        body: { error: expect.stringMatching(/^upstream: /) },
      })
      for (const port of ['49983', '0', '65536', '-1', 'x', '080']) {
        expect((await call('GET', `/proxy/${port}/`)).status).toBe(404)
      }
    })

    test('is reached with a signed link, within its paths only', async () => {
      await using server = await serve()
      it.previews.set('good.token', { port: server.port, paths: ['/open'] })
      const base = `${it.url}/v1/p/good.token`
      const reply = await fetch(`${base}/open/x?y`, { method: 'PUT', body: 'data' })
      expect([reply.status, await reply.text(), reply.headers.get('x-target')]).toEqual([
        200,
        'data',
        '/open/x?y',
      ])
      for (const path of ['', '/', '/closed', '/openx', '/open/%2e%2e/closed', '/open%2f..%2fclosed']) {
        expect((await fetch(`${base}${path}`)).status).toBe(404)
      }
      expect((await fetch(`${it.url}/v1/p/bad.token/open`)).status).toBe(404)
    })
  })

  test("metrics show the host's view and the agent's", async () => {
    const { status, body } = await call('GET', '/metrics')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      pid: 1,
      guest: { cpu_count: expect.any(Number), mem_total_bytes: expect.any(Number) },
    })
  })

  test('nothing of a sandbox is open to strangers, to other keys or under other ids', async () => {
    const other = `${it.url}/v1/sandboxes/00000000-0000-4000-8000-000000000000`
    const paths = [
      'exec',
      'exec/stream',
      'fs?path=/',
      'fs/dir',
      'logs',
      'ports',
      'repl/sessions',
      'proxy/80/',
      'ssh',
    ]
    for (const path of paths) {
      const method = path.startsWith('exec') ? 'POST' : 'GET'
      const headers = { 'content-type': 'application/json' }
      const body = method === 'POST' ? '{"cmd":"true"}' : null
      expect((await fetch(`${it.sandboxUrl}/${path}`, { method, headers, body })).status).toBe(401)
      const strange = { ...headers, authorization: `Bearer pds_${'1'.repeat(32)}` }
      expect((await fetch(`${it.sandboxUrl}/${path}`, { method, headers: strange, body })).status).toBe(401)
      const known = { ...headers, ...it.auth }
      expect((await fetch(`${other}/${path}`, { method, headers: known, body })).status).toBe(404)
    }
  })
})
