import { expect, test } from 'vitest'
import { decimal, pairs, seconds, wholeNumber } from './flags.ts'

test.each([
  ['0', 0],
  ['90', 90],
  ['45s', 45],
  ['15m', 900],
  ['2h', 7200],
  ['7d', 604_800],
])('%s is %d seconds', (input, value) => expect(seconds(input)).toBe(value))

test.each(['', '-1', '1.5', 'm', '1w', '1e3', ' 1', '12345678901'])('%j is no time', (input) => {
  expect(() => seconds(input)).toThrow('no time')
})

test('numbers keep to their limits', () => {
  const port = wholeNumber(1, 65_535)
  expect(port('80')).toBe(80)
  for (const input of ['0', '65536', '', 'x', '-1', '0x10', '1e1'])
    expect(() => port(input)).toThrow('no number')
})

test('a score may be negative and have a fraction', () => {
  expect(['1', '-2', '0.75', '-0.5'].map(decimal)).toEqual([1, -2, 0.75, -0.5])
  for (const input of ['', 'x', '1e9', '.5', '1.', 'NaN', 'Infinity', ' 1'])
    expect(() => decimal(input)).toThrow('no number')
})

test('a pair is cut at its first sign', () => {
  expect(pairs(['A=1', 'B=x=y', 'C='])).toEqual({ A: '1', B: 'x=y', C: '' })
  expect(pairs([])).toBeUndefined()
  expect(() => pairs(['=x'])).toThrow('no pair')
  expect(() => pairs(['x'])).toThrow('no pair')
})
