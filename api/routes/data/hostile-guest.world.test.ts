// The data routes in front of a guest that lies, stalls or breaks off: the client gets a clear answer, memory and
// connections stay bounded, and nothing of a client that has gone goes on.

import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { encodeFrame, frameType } from '@pandastack/contracts/wire/guest/v1/frames.ts'
import type { FrameType } from '@pandastack/contracts/wire/guest/v1/frames.ts'
import { startDataWorld } from '@pandastack/testing/data-world.ts'
import { startScriptedGuest } from '@pandastack/testing/scripted-guest.ts'

const world = async (request: (request: IncomingMessage, response: ServerResponse) => void) => {
  const stack = new AsyncDisposableStack()
  const guest = stack.use(await startScriptedGuest({ request }))
  const it = stack.use(await startDataWorld(guest.port))
  const post = (path: string, body: unknown, signal?: AbortSignal): Promise<Response> =>
    fetch(`${it.sandboxUrl}${path}`, {
      method: 'POST',
      headers: { ...it.auth, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    })
  return { ...it, post, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const frame = (type: FrameType, payload: string): Uint8Array => encodeFrame(type, 1, Buffer.from(payload))
const start = frame(frameType.start, '{"id":"a","pid":1}')

describe('a result from a guest', () => {
  test.each([
    ['no JSON', 200, 'junk', 502, 'upstream'],
    ['JSON of another shape', 200, '{"stdout":1}', 502, 'upstream'],
    ['a refusal of our token', 401, '{"error":"unauthorized"}', 502, 'upstream'],
    ['a fault of its own', 500, '{"error":"dial tcp: connect: connection refused"}', 502, 'upstream'],
    ['a bad request', 400, '{"error":"no such user"}', 400, 'invalid_request'],
    ['too many', 429, '{"error":"too many processes"}', 429, 'rate_limited'],
    ['no space', 507, '{"error":"no space left"}', 507, 'no_space'],
    ['an odd status', 302, '', 502, 'upstream'],
  ])('that is %s', async (_name, status, body, expectedStatus, code) => {
    await using it = await world((_request, response) => response.writeHead(status).end(body))
    const reply = await it.post('/exec', { cmd: 'true' })
    expect(reply.status).toBe(expectedStatus)
    const answer = (await reply.json()) as { error: string; code: string }
    expect(answer.code).toBe(code)
    // The published clients would take these for a machine that is still booting and try for 20 s.
    expect(answer.error).not.toMatch(/connection refused|no route to host|i\/o timeout/)
  })

  test('without end is cut off, and its connection closed', async () => {
    let written = 0
    const closed = Promise.withResolvers<void>()
    await using it = await world((_request, response) => {
      response.once('close', () => closed.resolve())
      const chunk = Buffer.alloc(1024 * 1024, 'x')
      const more = (): void => {
        written += chunk.length
        if (written < 300 * 1024 * 1024) response.write(chunk, () => more())
      }
      more()
    })
    const reply = await it.post('/exec', { cmd: 'true' })
    expect(reply.status).toBe(502)
    await closed.promise
    expect(written).toBeLessThan(200 * 1024 * 1024)
    expect(it.uses()).toBe(0)
  })

  test('that comes after the client has hung up is not waited for', async () => {
    const closed = Promise.withResolvers<void>()
    const seen = Promise.withResolvers<void>()
    await using it = await world((request) => {
      request.socket.once('close', () => closed.resolve())
      seen.resolve()
    })
    const abort = new AbortController()
    const call = it.post('/exec', { cmd: 'sleep 1000' }, abort.signal)
    await seen.promise
    expect(it.uses()).toBe(1)
    abort.abort()
    await expect(call).rejects.toThrow()
    await closed.promise
    await expect.poll(() => it.uses()).toBe(0)
  })
})

describe('a stream from a guest', () => {
  test.each([
    ['junk', Buffer.from('HTTP/1.1 this is no frame'), /broke off/],
    ['a huge length', Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255]), /broke off/],
    ['an end without an exit', frame(frameType.stdout, 'partial'), /before the command had ended/],
    ['an exit of another shape', frame(frameType.exit, '[]'), /broke off/],
  ])('with %s ends with an error event and no exit', async (_name, bytes, sentence) => {
    await using it = await world((_request, response) => {
      response.write(start)
      response.end(bytes)
    })
    const reply = await it.post('/exec/stream', { cmd: 'true' })
    expect(reply.status).toBe(200)
    const text = await reply.text()
    expect(text).toMatch(/event: error\ndata: \{"error":"/)
    expect(text).toMatch(sentence)
    expect(text).not.toContain('event: exit')
    await expect.poll(() => it.uses()).toBe(0)
  })

  test('is read no faster than the client reads, whatever it holds', async () => {
    let written = 0
    const closed = Promise.withResolvers<void>()
    const piece = frame(frameType.stdout, 'x'.repeat(65_536))
    await using it = await world((_request, response) => {
      response.once('close', () => closed.resolve())
      response.write(start)
      const more = (): void => {
        while (written < 512 * 1024 * 1024) {
          written += piece.length
          if (!response.write(piece)) return void response.once('drain', more)
        }
      }
      more()
    })
    const client = httpRequest(`${it.sandboxUrl}/exec/stream`, {
      method: 'POST',
      headers: { ...it.auth, 'content-type': 'application/json' },
    })
    client.end('{"cmd":"yes"}')
    const [reply] = (await once(client, 'response')) as [IncomingMessage]
    let before = -1
    while (before !== written) {
      before = written
      await sleep(200)
    }
    // What the sockets and buffers between hold, and not what the guest has to say.
    expect(written).toBeLessThan(64 * 1024 * 1024)
    reply.destroy()
    await closed.promise
    await expect.poll(() => it.uses()).toBe(0)
  })
})

describe('a file on its way', () => {
  test('that the guest refuses early leaves the client its answer', async () => {
    await using it = await world((_request, response) => {
      response.writeHead(507).end('{"error":"no space left on device"}')
    })
    const client = httpRequest(`${it.sandboxUrl}/fs?path=big`, { method: 'PUT', headers: it.auth })
    client.on('error', () => undefined)
    client.write(Buffer.alloc(65_536))
    const [reply] = (await once(client, 'response')) as [IncomingMessage]
    expect(reply.statusCode).toBe(507)
    expect(reply.headers.connection).toBe('close')
    client.destroy()
  })

  test('that the client breaks off is broken off at the guest too', async () => {
    const broken = Promise.withResolvers<string>()
    await using it = await world((request) => {
      request.resume()
      request.once('end', () => broken.resolve('whole'))
      request.once('error', () => broken.resolve('broken'))
    })
    const client = httpRequest(`${it.sandboxUrl}/fs?path=big`, {
      method: 'PUT',
      headers: { ...it.auth, 'content-length': 1_000_000 },
    })
    client.on('error', () => undefined)
    client.write(Buffer.alloc(65_536))
    await sleep(50)
    client.destroy()
    expect(await broken.promise).toBe('broken')
  })

  test('that the guest breaks off is cut short at the client', async () => {
    await using it = await world((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    })
    const reply = await fetch(`${it.sandboxUrl}/fs?path=a`, { headers: it.auth })
    await expect(reply.text()).rejects.toThrow()
    await expect.poll(() => it.uses()).toBe(0)
  })
})
