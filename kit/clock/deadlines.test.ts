import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createDeadlines } from './deadlines.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const days = 86_400_000

test('each key is due once, at its latest deadline, however far away that is', () => {
  const due: string[] = []
  const deadlines = createDeadlines((key) => due.push(key))
  deadlines.set('a', 100)
  deadlines.set('b', 200)
  deadlines.set('a', 300)
  deadlines.set('far', 100 * days)
  vi.advanceTimersByTime(250)
  expect(due).toEqual(['b'])
  vi.advanceTimersByTime(100)
  expect(due).toEqual(['b', 'a'])
  vi.advanceTimersByTime(99 * days)
  expect(due).toEqual(['b', 'a'])
  vi.advanceTimersByTime(days)
  expect(due).toEqual(['b', 'a', 'far'])
  expect(deadlines.size).toBe(0)
})

test('what is deleted or closed is never due', () => {
  const due: string[] = []
  const deadlines = createDeadlines((key) => due.push(key))
  deadlines.set('a', 100)
  deadlines.set('b', 100)
  deadlines.delete('a')
  deadlines.close()
  deadlines.set('c', 100)
  vi.advanceTimersByTime(1000)
  expect(due).toEqual([])
})
