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
