import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { startFakeRelay } from './relay.ts'

const withRelay = async (
  work: (
    dial: (first: string) => Socket,
    address: string,
    relay: Awaited<ReturnType<typeof startFakeRelay>>,
  ) => Promise<void>,
) => {
  const dir = await mkdtemp(path.join(tmpdir(), 'fake-relay-'))
  const guest = createServer(
    { allowHalfOpen: true },
    (socket) => void text(socket).then((all) => socket.end(`got ${all}`)),
  )
  guest.listen(0, '127.0.0.1')
  await once(guest, 'listening')
  try {
    await using relay = await startFakeRelay(path.join(dir, 'relay.sock'))
    const dial = (first: string): Socket => {
      const client = connect({ path: path.join(dir, 'relay.sock'), allowHalfOpen: true })
      client.on('error', () => undefined)
      client.write(first)
      return client
    }
    await work(dial, `127.0.0.1:${(guest.address() as AddressInfo).port}`, relay)
  } finally {
    guest.close()
    await rm(dir, { recursive: true })
  }
}

test('the fake relay carries bytes both ways with half-close', () =>
  withRelay(async (dial, address, relay) => {
    await relay.set('m1', address)
    const client = dial('m1\nfirst ')
    client.end('x'.repeat(200_000))
    expect(await text(client)).toBe(`got first ${'x'.repeat(200_000)}`)
  }))

test('the fake relay closes unknown machines and endless lines without a byte, and all connections on unset', () =>
  withRelay(async (dial, address, relay) => {
    expect(await text(dial('nobody\n'))).toBe('')
    expect(await text(dial('x'.repeat(100)))).toBe('')
    await relay.set('m1', address)
    const client = dial('m1\nhello')
    await once(client, 'connect')
    await new Promise((resolve) => setTimeout(resolve, 50))
    await relay.unset('m1')
    expect(await text(client).catch(() => '')).toBe('')
  }))
