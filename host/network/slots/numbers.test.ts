import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createNumbers } from './numbers.ts'

const clockAt = (start = 0) => {
  let nowMs = start
  return { wallMs: () => nowMs, monotonicMs: () => nowMs, advance: (ms: number) => void (nowMs += ms) }
}

describe('free numbers', () => {
  test('no number is out twice, none is lost, and the pool never ends', () => {
    const max = 12
    const step = fc.oneof(
      fc.record({ act: fc.constant('take' as const), count: fc.nat(6) }),
      fc.record({ act: fc.constant('give' as const), index: fc.nat(20), restMs: fc.nat(50) }),
      fc.record({ act: fc.constant('claim' as const), number: fc.integer({ min: 1, max }) }),
      fc.record({ act: fc.constant('wait' as const), ms: fc.nat(60) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const clock = clockAt()
        const numbers = createNumbers(max, clock)
        const out = new Set<number>()
        for (const step of steps) {
          if (step.act === 'take') {
            for (const number of numbers.take(step.count)) {
              expect(out.has(number)).toBe(false)
              out.add(number)
            }
          } else if (step.act === 'give') {
            const number = [...out][step.index % (out.size || 1)]
            if (number === undefined) continue
            out.delete(number)
            numbers.give(number, step.restMs)
          } else if (step.act === 'claim') {
            expect(numbers.claim(step.number)).toBe(!out.has(step.number))
            out.add(step.number)
          } else clock.advance(step.ms)
          expect(numbers.free + out.size).toBe(max)
        }
        clock.advance(1000)
        expect(numbers.take(max)).toHaveLength(max - out.size)
      }),
    )
  })

  test('a number rests before it is used again', () => {
    const clock = clockAt(5000)
    const numbers = createNumbers(1, clock)
    expect(numbers.take(1)).toEqual([1])
    numbers.give(1, 100)
    expect(numbers.take(1)).toEqual([])
    clock.advance(100)
    expect(numbers.take(1)).toEqual([1])
  })

  test('the number that has been free the longest comes first', () => {
    const numbers = createNumbers(3, clockAt())
    expect(numbers.take(2)).toEqual([1, 2])
    numbers.give(1, 0)
    expect(numbers.take(2)).toEqual([3, 1])
  })

  test('a number given back twice is there once, and one that cannot be is refused', () => {
    const numbers = createNumbers(2, clockAt())
    numbers.take(1)
    numbers.give(1, 0)
    numbers.give(1, 0)
    expect(numbers.free).toBe(2)
    for (const number of [0, 3, 1.5, Number.NaN]) expect(() => numbers.give(number, 0)).toThrow(RangeError)
  })
})
