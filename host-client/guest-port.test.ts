import { once } from 'node:events'
import { createServer } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { startRelay } from '@pandastack/testing/relay.ts'
import { startScriptedGuest } from '@pandastack/testing/scripted-guest.ts'
import { GuestUnreachable, PortClosed } from '@pandastack/core/ports/guest-port.ts'
import { createGuestPort } from './guest-port.ts'
import { Lanes } from './lanes.ts'

const token = 'a'.repeat(32)

const world = async (script: Parameters<typeof startScriptedGuest>[0]) => {
  const stack = new AsyncDisposableStack()
  const guest = stack.use(await startScriptedGuest(script))
  const relay = stack.use(await startRelay())
  const machineId = randomUUID()
  relay.ports.set(machineId, guest.port)
  const port = stack.use(createGuestPort({ relaySocketPath: relay.socketPath }))
  return { relay, machineId, port, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

describe('a request to a guest', () => {
  test('carries the token and comes back with status, headers and body', async () => {
    await using it = await world({
      request: (request, response) => {
        response.setHeader('x-seen', request.headers.authorization ?? '')
        request.pipe(response)
      },
    })
    const reply = await it.port.request(it.machineId, token, {
      method: 'POST',
      path: '/v1/run',
      body: 'hello',
    })
    expect(reply.status).toBe(200)
    expect(reply.headers['x-seen']).toBe(`Bearer ${token}`)
    expect(await text(reply.body)).toBe('hello')
  })

  test('uses a connection of one before', async () => {
    await using it = await world({ request: (_request, response) => response.end('ok') })
    for (let i = 0; i < 20; i += 1) {
      await text((await it.port.request(it.machineId, token, { method: 'GET', path: '/v1/health' })).body)
    }
    // The reply's end reaches the caller a moment before the connection is free again, hence two.
    expect(it.relay.accepted.length).toBeLessThanOrEqual(2)
  })

  test('to a machine that the relay does not know is unreachable', async () => {
    await using it = await world({})
    const request = it.port.request(randomUUID(), token, { method: 'GET', path: '/v1/health' })
    await expect(request).rejects.toBeInstanceOf(GuestUnreachable)
  })

  test('never puts anything but an id on the relay line', async () => {
    await using it = await world({})
    const request = it.port.request(`x\n${it.machineId}`, token, { method: 'GET', path: '/v1/health' })
    await expect(request).rejects.toBeInstanceOf(GuestUnreachable)
    expect(it.relay.accepted).toEqual([])
  })

  test('ends the guest side when the caller gives up', async () => {
    const gone = Promise.withResolvers<void>()
    const seen = Promise.withResolvers<void>()
    await using it = await world({
      request: (request) => {
        request.socket.once('close', () => gone.resolve())
        seen.resolve()
      },
    })
    const abort = new AbortController()
    const call = it.port.request(it.machineId, token, {
      method: 'POST',
      path: '/v1/run',
      body: '{}',
      signal: abort.signal,
    })
    await seen.promise
    abort.abort(new Error('hung up'))
    await expect(call).rejects.toThrow('hung up')
    await gone.promise
  })

  test('whose body breaks off ends the guest side', async () => {
    const aborted = Promise.withResolvers<void>()
    await using it = await world({
      request: (request) => {
        request.resume()
        request.once('error', () => aborted.resolve())
      },
    })
    const body = Readable.from(
      (async function* () {
        yield Buffer.from('half')
        throw new Error('the sender went away')
      })(),
    )
    const call = it.port.request(it.machineId, token, { method: 'PUT', path: '/v1/files?path=a', body })
    await expect(call).rejects.toBeInstanceOf(GuestUnreachable)
    await aborted.promise
  })

  test('fails when its machine is released', async () => {
    const seen = Promise.withResolvers<void>()
    await using it = await world({ request: () => seen.resolve() })
    const call = it.port.request(it.machineId, token, { method: 'GET', path: '/v1/health', silenceMs: 0 })
    const failed = expect(call).rejects.toBeInstanceOf(GuestUnreachable)
    await seen.promise
    it.port.release(it.machineId)
    await failed
  })

  test('is refused when too many are under way in one machine, and others are not', async () => {
    await using lanes = new Lanes('/nowhere')
    const machineId = randomUUID()
    for (let i = 0; i < 256; i += 1) lanes.enter(machineId)
    expect(() => lanes.enter(machineId)).toThrow(/under way/)
    expect(lanes.enter(randomUUID()).underWay).toBe(1)
  })

  test('keeps pools for a bounded number of machines', async () => {
    await using lanes = new Lanes('/nowhere')
    const busy = randomUUID()
    lanes.enter(busy)
    for (let i = 0; i < 1000; i += 1) lanes.leave(lanes.enter(randomUUID()))
    expect(lanes.size).toBeLessThanOrEqual(257)
    expect(lanes.enter(busy).underWay).toBe(2)
  })
})

describe('a tunnel', () => {
  const echo = (head: string, first = '') =>
    world({
      upgrade: (request, socket) => {
        expect(request.headers).toMatchObject({ upgrade: 'tcp', authorization: `Bearer ${token}` })
        socket.write(head + first)
        socket.pipe(socket)
      },
    })
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'

  test('hands over the bytes that came with the head, and then all others', async () => {
    await using it = await echo(switching, 'early ')
    const duplex = await it.port.tunnel(it.machineId, token, 8080)
    duplex.end('late')
    expect(await text(duplex)).toBe('early late')
  })

  test('to a port where nothing listens is closed', async () => {
    await using it = await echo('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n')
    await expect(it.port.tunnel(it.machineId, token, 8080)).rejects.toBeInstanceOf(PortClosed)
  })

  test.each([
    ['an endless head', 'HTTP/1.1 101 Switching\r\nX: ' + 'x'.repeat(20_000)],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['another status', 'HTTP/1.1 401 Unauthorized\r\n\r\n'],
  ])('that is answered with %s is unreachable and leaves no connection', async (_name, head) => {
    await using it = await echo(head)
    await expect(it.port.tunnel(it.machineId, token, 8080)).rejects.toBeInstanceOf(GuestUnreachable)
    await expect.poll(() => it.relay.open()).toBe(0)
  })

  test('ends when its signal aborts', async () => {
    await using it = await echo(switching)
    const abort = new AbortController()
    const duplex = await it.port.tunnel(it.machineId, token, 8080, abort.signal)
    const closed = new Promise((resolve) => duplex.once('close', resolve))
    duplex.on('error', () => undefined)
    abort.abort()
    await closed
    await expect.poll(() => it.relay.open()).toBe(0)
  })

  test('through a relay that closes without a byte is unreachable', async () => {
    const folder = `/tmp/relay-${randomUUID()}.sock`
    const server = createServer((socket) => socket.end())
    server.listen(folder)
    await once(server, 'listening')
    await using port = createGuestPort({ relaySocketPath: folder })
    await expect(port.tunnel(randomUUID(), token, 80)).rejects.toBeInstanceOf(GuestUnreachable)
    server.close()
  })
})
