import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server as TcpServer } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { proxyExchange } from './exchange.ts'
import { endToEnd } from './headers.ts'
import type { Rewrite } from './headers.ts'
import { answerUpgrade, isWebSocketUpgrade, proxyUpgrade } from './upgrade.ts'

const portOf = (server: Server | TcpServer): number => (server.address() as AddressInfo).port

const listening = async (server: Server | TcpServer): Promise<void> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

/** A proxy in front of `behind`; failures before the head are answered with 502 and their sentence. */
const world = async (behind: Server | TcpServer, rewriteReply: Rewrite = (_name, value) => value) => {
  await listening(behind)
  const options = (request: IncomingMessage) => ({
    connection: connect(portOf(behind), '127.0.0.1').pause(),
    target: request.url ?? '/',
    requestHeaders: endToEnd(request.rawHeaders, (name, value) => (name === 'x-secret' ? null : value)),
    rewriteReply,
    headTimeoutMs: 500,
    idleTimeoutMs: 10_000,
  })
  const proxy = createServer((request, response) => {
    proxyExchange(request, response, options(request)).catch((error: unknown) => {
      response.writeHead(502).end((error as Error).message)
    })
  })
  proxy.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    expect(isWebSocketUpgrade(request)).toBe(true)
    proxyUpgrade(request, socket, head, options(request)).catch(() =>
      answerUpgrade(socket, 502, 'Bad Gateway', '{}'),
    )
  })
  await listening(proxy)
  return {
    url: `http://127.0.0.1:${portOf(proxy)}`,
    port: portOf(proxy),
    async [Symbol.asyncDispose]() {
      for (const server of [proxy, behind]) {
        if ('closeAllConnections' in server) server.closeAllConnections()
        server.close()
      }
    },
  }
}

const web = (listener: RequestListener): Server => createServer(listener)
const tcp = (reply: string): TcpServer =>
  createTcpServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(reply))
  })

describe('a proxied exchange', () => {
  test('passes method, target, body and status both ways, and drops what the rewrite drops', async () => {
    await using it = await world(
      web((request, response) => {
        response.writeHead(418, { 'x-method': request.method, 'x-target': request.url, 'x-wide': 'no' })
        response.write(String(request.headers['x-secret']))
        request.pipe(response)
      }),
      (name, value) => (name === 'x-wide' ? null : value),
    )
    const reply = await fetch(`${it.url}/a%20b?c=d`, {
      method: 'PATCH',
      body: ' body',
      headers: { 'x-secret': 's' },
    })
    expect(reply.status).toBe(418)
    expect(reply.headers.get('x-method')).toBe('PATCH')
    expect(reply.headers.get('x-target')).toBe('/a%20b?c=d')
    expect(reply.headers.get('x-wide')).toBeNull()
    expect(await reply.text()).toBe('undefined body')
  })

  test('passes a body of unknown length on, also with a method that seldom has one', async () => {
    await using it = await world(web((request, response) => request.pipe(response)))
    const request = httpRequest(`${it.url}/`, {
      method: 'DELETE',
      headers: { 'transfer-encoding': 'chunked' },
    })
    request.write('one ')
    request.end('two')
    const [reply] = (await once(request, 'response')) as [IncomingMessage]
    expect(await text(reply)).toBe('one two')
  })

  test('answers HEAD and 304 without a body and leaves the connection usable', async () => {
    await using it = await world(
      web((request, response) => {
        response.writeHead(request.url === '/same' ? 304 : 200, { 'content-length': 5 })
        response.end(request.method === 'HEAD' || request.url === '/same' ? undefined : 'hello')
      }),
    )
    expect((await fetch(it.url, { method: 'HEAD' })).headers.get('content-length')).toBe('5')
    expect((await fetch(`${it.url}/same`)).status).toBe(304)
    expect(await (await fetch(it.url)).text()).toBe('hello')
  })

  test('streams: the client has the first piece before the last is written', async () => {
    const last = Promise.withResolvers<ServerResponse>()
    await using it = await world(
      web((_request, response) => {
        response.write('first')
        last.resolve(response)
      }),
    )
    const reply = await fetch(it.url)
    const reader = reply.body!.getReader()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('first')
    const response = await last.promise
    response.end('last')
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('last')
  })

  test('ends at the server behind when the client hangs up', async () => {
    const closed = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    await using it = await world(
      web((_request, response) => {
        response.write('x')
        response.once('close', () => closed.resolve())
        started.resolve()
      }),
    )
    const abort = new AbortController()
    await fetch(it.url, { signal: abort.signal })
    await started.promise
    abort.abort()
    await closed.promise
  })

  test('does not read from the server behind what the client does not take', async () => {
    let written = 0
    await using it = await world(
      web((_request, response) => {
        const more = (): void => {
          while (response.write(Buffer.alloc(65_536))) written += 65_536
          written += 65_536
          if (written < 256 * 1024 * 1024) response.once('drain', more)
        }
        more()
      }),
    )
    const request = httpRequest(it.url).end()
    const [reply] = (await once(request, 'response')) as [IncomingMessage]
    // Nothing reads; what is written settles at what the sockets hold.
    let before = -1
    while (before !== written) {
      before = written
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(written).toBeLessThan(32 * 1024 * 1024)
    reply.destroy()
  })

  test.each([
    ['closes at once', ''],
    ['speaks no HTTP', 'SSH-2.0-x\r\n'],
    ['switches protocols unasked', 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n'],
    [
      'frames its body twice',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
    ],
    ['sends an endless head', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`],
  ])('with a server that %s is an upstream error', async (_name, reply) => {
    await using it = await world(tcp(reply))
    expect((await fetch(it.url)).status).toBe(502)
  })

  test('with a server that says nothing ends at its deadline', async () => {
    await using it = await world(createTcpServer(() => undefined))
    const reply = await fetch(it.url)
    expect([reply.status, await reply.text()]).toEqual([502, 'no answer in time'])
  })

  test('that is cut short behind is cut short in front', async () => {
    await using it = await world(tcp('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'))
    const reply = await fetch(it.url)
    await expect(reply.text()).rejects.toThrow()
  })
})

describe('a proxied upgrade', () => {
  const handshake = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n'

  const open = (port: number, first = '') => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /chat HTTP/1.1\r\nHost: a\r\nX-Secret: s\r\n${handshake}\r\n${first}`)
    return socket
  }

  test('carries bytes both ways, those sent with the handshakes included', async () => {
    const behind = web(() => undefined)
    behind.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      expect(request.headers['x-secret']).toBeUndefined()
      expect(request.headers['sec-websocket-key']).toBe('abc')
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nX-A: b\r\n\r\nhello ',
      )
      socket.write(head)
      socket.pipe(socket)
    })
    await using it = await world(behind)
    const socket = open(it.port, 'early ')
    socket.end('late')
    const all = await text(socket)
    expect(all).toMatch(/^HTTP\/1\.1 101 /)
    expect(all).toContain('X-A: b')
    expect(all.split('\r\n\r\n')[1]).toBe('hello early late')
  })

  test('that the server refuses passes its refusal on', async () => {
    const behind = web(() => undefined)
    behind.on('upgrade', (_request: IncomingMessage, socket: Duplex) => {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope')
    })
    await using it = await world(behind)
    const all = await text(open(it.port))
    expect(all).toMatch(/^HTTP\/1\.1 403 /)
    expect(all).toMatch(/nope$/)
  })

  test('to another protocol than was asked for is refused', async () => {
    await using it = await world(tcp('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'))
    expect(await text(open(it.port))).toMatch(/^HTTP\/1\.1 502 /)
  })

  test('ends on one side when the other side ends', async () => {
    const closed = Promise.withResolvers<void>()
    const behind = web(() => undefined)
    behind.on('upgrade', (_request: IncomingMessage, socket: Duplex) => {
      socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.on('error', () => undefined)
      socket.once('end', () => closed.resolve())
      socket.resume()
    })
    await using it = await world(behind)
    const socket = open(it.port)
    await once(socket, 'data')
    socket.destroy()
    await closed.promise
  })
})
