import { expect, test } from 'vitest'
import { createBackoff } from './backoff.ts'

test('each short life doubles the wait, up to a limit', () => {
  const backoff = createBackoff()
  const waits = Array.from({ length: 9 }, () => backoff.next(100))
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
})

test('a long life starts anew', () => {
  const backoff = createBackoff()
  for (let life = 0; life < 5; life++) backoff.next(100)
  expect(backoff.next(60_000)).toBe(500)
})
