import { expect, test } from 'vitest'
import { boundsOf, narrow, unknown, worstOf } from './clock.ts'

const ns = (ms: number): string => `${BigInt(Math.round(ms * 1000)) * 1000n}`

test('a clock was read between question and answer, which bounds its error', () => {
  expect(boundsOf(1000, ns(1004.5), 1010)).toEqual({ leastMs: -6.5, mostMs: 4.5 })
  expect(worstOf(boundsOf(1000, ns(1004.5), 1010))).toBe(6.5)
  expect(worstOf(boundsOf(1000, ns(1400), 1002))).toBe(400)
  expect(worstOf(boundsOf(1000, ns(600), 1002))).toBe(403)
})

test('a quick answer narrows down what a slow one has left open, and nothing widens it again', () => {
  const slow = boundsOf(1000, ns(1100), 1300)
  const quick = boundsOf(2000, ns(2001), 2002)
  expect(narrow(narrow(unknown, slow), quick)).toEqual({ leastMs: -2, mostMs: 1 })
  expect(narrow(quick, slow)).toEqual({ leastMs: -2, mostMs: 1 })
  expect(worstOf(unknown)).toBe(Infinity)
})

test('two clocks that contradict each other are not both right', () => {
  expect(worstOf(narrow(boundsOf(1000, ns(1100), 1001), boundsOf(1000, ns(1000), 1001)))).toBeGreaterThan(50)
})
