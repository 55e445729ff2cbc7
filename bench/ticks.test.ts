import { expect, test } from 'vitest'
import { largestGapMs } from './ticks.ts'

const ticks = [0, 1, 2, 30, 31, 32, 80, 81]

test('the largest gap is that of the time asked for, wherever its ends are', () => {
  expect(largestGapMs(ticks, 1, 31)).toBe(28)
  expect(largestGapMs(ticks, 10, 20)).toBe(28)
  expect(largestGapMs(ticks, 31, 40)).toBe(48)
  expect(largestGapMs(ticks, 0, 2)).toBe(1)
})

test('what was not seen whole is no gap', () => {
  expect(largestGapMs(ticks, -1, 2)).toBeNaN()
  expect(largestGapMs(ticks, 31, 90)).toBeNaN()
  expect(largestGapMs([], 0, 1)).toBeNaN()
})
