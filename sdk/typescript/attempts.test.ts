import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { attemptsEvent } from './attempts.ts'
import { createClient } from './client.ts'

/** A server that answers every request with this stream of events. */
const serving = async (text: string) => {
  const server = createServer((request, reply) => {
    request.resume()
    reply.writeHead(200, { 'content-type': 'text/event-stream' }).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ...createClient({ url: `http://127.0.0.1:${port}`, key: 'k' }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const outcome = (index: number): string => `event: outcome\ndata: {"index":${index}}\n\n`
const result = 'event: result\ndata: {"winner":1}\n\n'
const wish = { commands: ['a', 'b'] }

test('outcomes are told as they come and the result is given back', async () => {
  await using client = await serving(`: ping\n\n${outcome(1)}event: later\ndata: x\n\n${outcome(0)}${result}`)
  const told: number[] = []
  const onOutcome = ({ index }: { index: number }): void => void told.push(index)
  expect(await client.attempts.run('x', wish, { onOutcome })).toEqual({ winner: 1 })
  expect(told).toEqual([1, 0])
  const kinds = (await Array.fromAsync(client.attempts.stream('x', wish))).map(({ kind }) => kind)
  expect(kinds).toEqual(['outcome', 'outcome', 'result'])
})

test('a stream that ends without a result is no result', async () => {
  await using client = await serving(outcome(0))
  await expect(client.attempts.run('x', wish)).rejects.toThrow('result is not known')
})

test('an error event is thrown with its sentence and code', () => {
  const thrown = (data: string): unknown => {
    try {
      return attemptsEvent({ event: 'error', data })
    } catch (error) {
      return error
    }
  }
  expect(thrown('{"error":"no room","code":"no_capacity"}')).toMatchObject({
    name: 'ApiError',
    message: 'no room',
    code: 'no_capacity',
  })
  expect(thrown('{')).toMatchObject({ name: 'Unreachable' })
})
