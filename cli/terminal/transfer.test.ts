import { expect, test } from 'vitest'
import { transferLine } from './transfer.ts'

test('bar, percent, speed and time left agree', () => {
  expect(transferLine(50 * 1024 ** 2, 100 * 1024 ** 2, 1000)).toBe(
    '############............  50 %  50.0 MiB of 100 MiB  50.0 MiB/s  1.0 s left',
  )
})

test('an unknown or empty total has no bar', () => {
  expect(transferLine(2048, null, 1000)).toBe('2.0 KiB  2.0 KiB/s')
  expect(transferLine(0, 0, 0)).toBe('0 B  0 B/s')
})

test('more than announced is still 100 %', () => {
  expect(transferLine(300, 200, 1000)).toContain('100 %')
})
