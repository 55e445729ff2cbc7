import { expect, test } from 'vitest'
import { newRow, percentile, sample } from './percentiles.ts'

test('percentiles are samples, by nearest rank', () => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect([percentile(samples, 0.5), percentile(samples, 0.95), percentile(samples, 0.99)]).toEqual([
    50, 95, 99,
  ])
  expect(percentile([7], 0.99)).toBe(7)
  expect(percentile([], 0.5)).toBeNaN()
})

test('a failed sample is counted and has no time', async () => {
  const row = newRow('x')
  await sample(row, () => Promise.resolve())
  await sample(row, () => Promise.reject(new Error('no')))
  expect([row.samplesMs.length, row.failures]).toEqual([1, 1])
})

test('what does not pass its check is a failure too', async () => {
  const row = newRow('x')
  const check = (made: number): void => {
    if (made !== 1) throw new Error('not one')
  }
  await sample(row, () => Promise.resolve(1), check)
  await sample(row, () => Promise.resolve(2), check)
  expect([row.samplesMs.length, row.failures]).toEqual([1, 1])
})
