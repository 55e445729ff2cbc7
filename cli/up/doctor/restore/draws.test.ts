import { expect, test } from 'vitest'
import {
  columnOf,
  drawOf,
  linesOf,
  phaseOf,
  readsOf,
  repeatsOf,
  sharedCount,
  stepsBack,
  valueOfRead,
} from './draws.ts'

const record = (wall: bigint, monotonic: bigint, fill: number): Buffer => {
  const bytes = Buffer.alloc(32, fill)
  bytes.writeBigUInt64LE(wall, 0)
  bytes.writeBigUInt64LE(monotonic, 8)
  return bytes
}

test('a record of the kernel ends with the 16 bytes that were read, and half a record is none', () => {
  const bytes = Buffer.concat([record(1n, 2n, 0xaa), record(3n, 4n, 0xbb), Buffer.alloc(31)])
  expect(readsOf(bytes).map(valueOfRead)).toEqual(['aa'.repeat(16), 'bb'.repeat(16)])
})

test('a line is time, phase and columns, and half a line is none', () => {
  const lines = linesOf(Buffer.from('17 1 a b\n18 2 c d\n19 2 e'))
  expect(lines.map(phaseOf)).toEqual(['1', '2'])
  expect(lines.map((line) => columnOf(line, 1))).toEqual(['b', 'd'])
  expect(lines.map((line) => drawOf(line, 1))).toEqual(['17 1 b', '18 2 d'])
})

test('the past is what both have from the beginning, the time of each draw included', () => {
  expect(sharedCount(['1 a', '2 b', '3 c'], ['1 a', '2 b', '4 c'])).toBe(2)
  expect(sharedCount(['1 a'], ['1 a', '2 b'])).toBe(1)
  expect(sharedCount(['1 a', '2 b'], ['1 a'])).toBe(1)
  expect(sharedCount(['0 a'], ['1 a'])).toBe(0)
})

test('a clock that goes backwards is seen, one that stands still is not', () => {
  expect(stepsBack(Buffer.concat([record(9n, 5n, 0), record(1n, 5n, 0), record(2n, 6n, 0)]))).toBe(0)
  expect(stepsBack(Buffer.concat([record(1n, 5n, 0), record(2n, 4n, 0), record(3n, 6n, 0)]))).toBe(1)
})

test('a value of two is told for each of them, also when only one of them is suspected', () => {
  const all = [
    { who: 'a', values: ['1', '2'] },
    { who: 'b', values: ['3', '2'] },
    { who: 'c', values: ['4'] },
  ]
  expect(repeatsOf(all, all)).toEqual([
    { who: 'a', value: '2', other: 'b' },
    { who: 'b', value: '2', other: 'a' },
  ])
  expect(repeatsOf([{ who: 'b', values: ['2'] }], all)).toEqual([{ who: 'b', value: '2', other: 'a' }])
  expect(repeatsOf([{ who: 'b', values: ['3'] }], all)).toEqual([])
})

test('a value that one has twice is a repeat as well, and another who has it is named before that one', () => {
  const twice = [{ who: 'a', values: ['1', '1'] }]
  expect(repeatsOf(twice, twice)).toEqual([
    { who: 'a', value: '1', other: 'a' },
    { who: 'a', value: '1', other: 'a' },
  ])
  const all = [...twice, { who: 'b', values: ['1'] }]
  expect(repeatsOf([{ who: 'a', values: ['1'] }], all)).toEqual([{ who: 'a', value: '1', other: 'b' }])
})
