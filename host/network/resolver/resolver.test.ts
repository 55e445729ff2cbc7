import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { decode, encode, type Packet } from 'dns-packet'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { silentLog } from '@pandastack/kit/log/log.ts'
import { systemClock } from '@pandastack/kit/clock/clock.ts'
import { createHandler } from './handler.ts'
import { createResolver } from './resolver.ts'

/** A name server on loopback that answers as it is told; undefined: it says nothing. */
const nameServer = async (answer: (query: Packet) => Packet[]) => {
  const socket = createSocket('udp4')
  socket.on('message', (message, from) => {
    for (const reply of answer(decode(message))) socket.send(encode(reply), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    server: { address: '127.0.0.1', port: socket.address().port },
    [Symbol.dispose]: () => void socket.close(),
  }
}
const answering =
  (data: string) =>
  (query: Packet): Packet[] => [
    {
      type: 'response',
      id: query.id ?? 0,
      questions: query.questions ?? [],
      answers: [{ type: 'A', name: query.questions?.[0]?.name ?? '', ttl: 1, data }],
    },
  ]
const failing = (query: Packet): Packet[] => [
  { type: 'response', id: query.id ?? 0, flags: 2, questions: query.questions ?? [] },
]
const query = (name: string): Buffer =>
  encode({ type: 'query', id: 7, flags: 0x0100, questions: [{ name, type: 'A' }] })
const forever = new AbortController().signal
const summary = (reply: Buffer | undefined) => {
  if (!reply) return undefined
  const packet = decode(reply)
  return [
    (packet.flags ?? 0) & 15,
    ...(packet.answers ?? []).map((answer) => 'data' in answer && answer.data),
  ]
}

describe('a question', () => {
  test('goes to the next name server when one is silent or fails', async () => {
    using silent = await nameServer(() => [])
    using broken = await nameServer(failing)
    using good = await nameServer(answering('192.0.2.1'))
    const upstreams = () => [silent.server, broken.server, good.server]
    const handler = createHandler({ upstreams, timeoutMs: 30, clock: systemClock })
    expect(summary(await handler.answer(1, query('x.test'), 'udp', forever))).toEqual([0, '192.0.2.1'])
  })

  test('is answered with a failure when none answers, and when there is none', async () => {
    using silent = await nameServer(() => [])
    for (const upstreams of [() => [silent.server], () => []]) {
      const handler = createHandler({ upstreams, timeoutMs: 20, clock: systemClock })
      expect(summary(await handler.answer(1, query('x.test'), 'udp', forever))).toEqual([2])
      expect(handler.underWay).toBe(0)
    }
  })

  test('is not answered by replies with a guessed id or another question', async () => {
    using liar = await nameServer((asked) => [
      ...answering('192.0.2.66')({ ...asked, id: ((asked.id ?? 0) + 1) % 65_536 }),
      ...answering('192.0.2.66')({ ...asked, questions: [{ name: 'other.test', type: 'A' }] }),
      ...answering('192.0.2.1')(asked),
    ])
    const handler = createHandler({ upstreams: () => [liar.server], timeoutMs: 500, clock: systemClock })
    expect(summary(await handler.answer(1, query('x.test'), 'udp', forever))).toEqual([0, '192.0.2.1'])
  })

  test('beyond what a guest may ask is met with silence', async () => {
    using good = await nameServer(answering('192.0.2.1'))
    const limits = { burst: 2, perSecond: 0.001 }
    const handler = createHandler({ upstreams: () => [good.server], limits, clock: systemClock })
    const replies = []
    for (let count = 0; count < 3; count++)
      replies.push(await handler.answer(1, query('x.test'), 'udp', forever))
    expect(replies.map((reply) => reply !== undefined)).toEqual([true, true, false])
    expect(await handler.answer(2, query('x.test'), 'udp', forever)).toBeDefined()
  })
})

const open = async (clientOf: (address: string) => number | undefined) => {
  const upstream = await nameServer(answering('192.0.2.1'))
  const resolver = await createResolver({
    address: '127.0.0.1',
    port: 0,
    clientOf,
    upstreams: () => [upstream.server],
    log: silentLog(),
  })
  return {
    resolver,
    async [Symbol.asyncDispose]() {
      await resolver.close()
      upstream[Symbol.dispose]()
    },
  }
}

const hangsUp = async (port: number, bytes: Buffer): Promise<void> => {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(bytes)
  await once(socket, 'close')
}

describe('the resolver', () => {
  test('answers guests over UDP, and is not stopped by junk', async () => {
    await using opened = await open(() => 1)
    const socket = createSocket('udp4')
    using _ = { [Symbol.dispose]: () => void socket.close() }
    for (const junk of ['', 'x', Buffer.alloc(2000), Buffer.alloc(12, 0xff)])
      socket.send(junk, opened.resolver.port, '127.0.0.1')
    socket.send(query('x.test'), opened.resolver.port, '127.0.0.1')
    const replies = new Map<number, Buffer>()
    while (!replies.has(7)) {
      const [reply] = (await once(socket, 'message')) as [Buffer]
      replies.set(reply.readUInt16BE(0), reply)
    }
    expect(summary(replies.get(7))).toEqual([0, '192.0.2.1'])
  })

  test('hangs up on strangers, on streams of junk and on those who ask too much at once', async () => {
    await using guests = await open(() => 1)
    await using nobody = await open(() => undefined)
    const one = Buffer.concat([Buffer.from([0, query('x.test').length]), query('x.test')])
    await hangsUp(nobody.resolver.port, one)
    await hangsUp(guests.resolver.port, Buffer.alloc(100, 0xff))
    await hangsUp(guests.resolver.port, Buffer.concat(Array.from({ length: 100 }, () => one)))
  })

  test('takes another port when the wanted one is in use', async () => {
    await using first = await open(() => 1)
    const second = await createResolver({
      address: '127.0.0.1',
      port: first.resolver.port,
      clientOf: () => 1,
      upstreams: () => [],
      log: silentLog(),
    })
    expect(second.port).not.toBe(first.resolver.port)
    await second.close()
  })
})

test('junk from many guests neither throws nor stays in memory', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const handler = createHandler({
    upstreams: () => [],
    limits: { burst: 1e9, perSecond: 1e9 },
    clock: systemClock,
  })
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 520 }),
    fc
      .tuple(fc.nat(30), fc.nat(255))
      .map(([at, value]) =>
        Uint8Array.from(query('example.com'), (byte, index) => (index === at ? value : byte)),
      ),
  )
  const once = async (): Promise<void> => {
    await fc.assert(
      fc.asyncProperty(fc.nat(255), bytes, async (client, junk) => {
        await handler.answer(client, Buffer.from(junk), 'udp', forever)
      }),
      { numRuns: 4000 },
    )
  }
  await once()
  collect()
  const before = process.memoryUsage().heapUsed
  await once()
  await once()
  collect()
  expect(handler.underWay).toBe(0)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024)
})
