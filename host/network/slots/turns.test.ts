import { setImmediate as pass } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

test('no more run at a time than may, all get their turn, in order, and failures give it back', async () => {
  const turns = createTurns(2)
  const started: number[] = []
  let running = 0
  let most = 0
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) =>
      turns(async () => {
        started.push(index)
        most = Math.max(most, ++running)
        await pass()
        running -= 1
        if (index % 3 === 0) throw new Error('failed')
        return index
      }),
    ),
  )
  expect(most).toBe(2)
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(4)
  expect(await turns(() => Promise.resolve('again'))).toBe('again')
})
