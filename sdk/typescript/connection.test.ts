import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { baseUrl, callUrl, connect } from './connection.ts'

const serve = async (handler: RequestListener) => {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test.each([
  ['http://a:1', 'http://a:1'],
  ['http://a:1/', 'http://a:1'],
  ['https://a/v1', 'https://a'],
  ['https://a/base/v1/', 'https://a/base'],
])('%s is based at %s', (url, base) => expect(baseUrl(url)).toBe(base))

test('an address that is not http is refused', () => {
  expect(() => baseUrl('ftp://a')).toThrow('no http URL')
  expect(() => baseUrl('a:b:c')).toThrow()
})

test('query values are escaped and undefined ones left out', () => {
  expect(callUrl('http://a', { path: '/x', query: { path: '/a b&c', tail: 3, none: undefined } })).toBe(
    'http://a/v1/x?path=%2Fa+b%26c&tail=3',
  )
  expect(callUrl('http://a', { path: '//healthz' })).toBe('http://a/healthz')
})

test('a full server is asked again until it has room', async () => {
  let asked = 0
  await using server = await serve((_request, reply) => {
    asked += 1
    if (asked < 3) reply.writeHead(503, { 'retry-after': '0' }).end('{"error":"full"}')
    else reply.end('{"ok":true}')
  })
  const connection = connect({ url: server.url, key: 'k' })
  expect(await connection.json({ path: '/x', method: 'POST', patienceMs: 5000 })).toEqual({ ok: true })
  expect(asked).toBe(3)
})

test('without patience a full server is an error at once', async () => {
  await using server = await serve((_request, reply) => {
    reply.writeHead(503, { 'retry-after': '0' }).end('{"error":"full"}')
  })
  await expect(connect({ url: server.url, key: 'k' }).json({ path: '/x' })).rejects.toMatchObject({
    name: 'ApiError',
    status: 503,
    message: 'full',
  })
})

test('a silent server is unreachable after the given time', async () => {
  await using server = await serve(() => undefined)
  await expect(connect({ url: server.url, key: 'k' }).json({ path: '/x', headMs: 30 })).rejects.toMatchObject(
    {
      name: 'Unreachable',
    },
  )
})

test('a refused connection says so', async () => {
  const server = await serve(() => undefined)
  await server[Symbol.asyncDispose]()
  await expect(connect({ url: server.url, key: 'k' }).json({ path: '/x' })).rejects.toThrow('ECONNREFUSED')
})
