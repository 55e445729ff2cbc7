import { expect, test } from 'vitest'
import { parseEvent, serverEvents } from './sse.ts'

const stream = (...pieces: string[]): ReadableStream<Uint8Array> =>
  ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)))

test('an event has a name and its data lines joined', () => {
  expect(parseEvent('event: exit\ndata: {"a":\ndata: 1}')).toEqual({ event: 'exit', data: '{"a":\n1}' })
})

test('comments keep the line alive and are no event', () => {
  expect(parseEvent(': ping')).toBeNull()
})

test('events are found wherever the pieces are cut, also inside a character', async () => {
  const bytes = new TextEncoder().encode('event: a\ndata: é1\n\n: ping\n\nevent: b\ndata: 2\n\n')
  for (let cut = 1; cut < bytes.length; cut++) {
    const found = await Array.fromAsync(
      serverEvents(ReadableStream.from([bytes.slice(0, cut), bytes.slice(cut)])),
    )
    expect(found).toEqual([
      { event: 'a', data: 'é1' },
      { event: 'b', data: '2' },
    ])
  }
})

test('a last event without its empty line still counts', async () => {
  expect(await Array.fromAsync(serverEvents(stream('data: end')))).toEqual([
    { event: 'message', data: 'end' },
  ])
})

test('an event in many pieces is whole', async () => {
  const text = JSON.stringify('a\n\nb'.repeat(100_000))
  const pieces = (`data: ${text}\n\nevent: b\ndata: 2\n\n`.match(/[^]{1,7}/g) ?? []) as string[]
  expect(await Array.fromAsync(serverEvents(stream(...pieces)))).toEqual([
    { event: 'message', data: text },
    { event: 'b', data: '2' },
  ])
})

test('an event is given out when its empty line is there, and not with the next piece', async () => {
  const next = Promise.withResolvers<void>()
  const pieces = async function* () {
    for (const piece of ['data: 1', '\n', '\n']) yield new TextEncoder().encode(piece)
    await next.promise
  }
  const events = serverEvents(ReadableStream.from(pieces()))
  expect((await events.next()).value).toEqual({ event: 'message', data: '1' })
  next.resolve()
  expect((await events.next()).done).toBe(true)
})
