import { expect, test } from 'vitest'
import { figureOf, printable } from './figures.ts'

test('percentiles are times that were measured, whatever their order', () => {
  const times = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect(figureOf('x', times)).toEqual({
    step: 'x',
    samples: 100,
    p50Ms: 50,
    p95Ms: 95,
    p99Ms: 99,
    maxMs: 100,
  })
  expect(figureOf('one', [7])).toMatchObject({ p50Ms: 7, p99Ms: 7, maxMs: 7 })
})

test('lines stand in columns', () => {
  const lines = printable([figureOf('kill', [1.5]), figureOf('restore to first answer', [20])]).split('\n')
  expect(new Set(lines.map(({ length }) => length)).size).toBe(1)
  expect(lines[1]).toMatch(/^kill {20,}1\.50 +1\.50 +1\.50 +1\.50 +1$/)
})
