import { expect, test } from 'vitest'
import { QueueFull, createFairQueue } from './fair-queue.ts'

const gate = () => Promise.withResolvers<void>()

test('lanes take turns however much one of them has queued', async () => {
  const queue = createFairQueue({ concurrency: 1, waitingMax: 100 })
  const order: string[] = []
  const first = gate()
  const all = [queue.run('a', () => first.promise)]
  for (let i = 0; i < 5; i++) all.push(queue.run('a', async () => void order.push(`a${i}`)))
  all.push(queue.run('b', async () => void order.push('b0')))
  all.push(queue.run('c', async () => void order.push('c0')))
  first.resolve()
  await Promise.all(all)
  expect(order).toEqual(['a0', 'b0', 'c0', 'a1', 'a2', 'a3', 'a4'])
})

test('no more than the allowed pieces run at a time', async () => {
  const queue = createFairQueue({ concurrency: 3, waitingMax: 100 })
  let now = 0
  let most = 0
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      queue.run(`${i % 4}`, async () => {
        most = Math.max(most, ++now)
        await new Promise(setImmediate)
        now -= 1
      }),
    ),
  )
  expect(most).toBe(3)
  expect([queue.running, queue.waiting]).toEqual([0, 0])
})

test('a full queue refuses and one that gave up waiting frees its place', async () => {
  const queue = createFairQueue({ concurrency: 1, waitingMax: 1 })
  const first = gate()
  const running = queue.run('a', () => first.promise)
  const patience = new AbortController()
  const waiting = queue.run('a', async () => {}, patience.signal)
  await expect(queue.run('b', async () => {})).rejects.toBeInstanceOf(QueueFull)
  patience.abort(new Error('went away'))
  await expect(waiting).rejects.toThrow('went away')
  const next = queue.run('b', async () => 'served')
  first.resolve()
  await running
  expect(await next).toBe('served')
})

test('work that fails gives its place back', async () => {
  const queue = createFairQueue({ concurrency: 1, waitingMax: 1 })
  await expect(queue.run('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await queue.run('a', async () => 1)).toBe(1)
})
