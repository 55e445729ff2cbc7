import { expect, test } from 'vitest'
import { fields, table } from './table.ts'

test('columns are as wide as their widest cell', () => {
  expect(
    table(
      ['ID', 'STATUS'],
      [
        ['abc', 'running'],
        ['a', ''],
      ],
    ),
  ).toBe('ID   STATUS\nabc  running\na\n')
})

test('a table without rows is its head', () => {
  expect(table(['ID'], [])).toBe('ID\n')
})

test('control characters do not reach the terminal', () => {
  expect(table(['ID'], [['\u001b[2Jx']])).toBe('ID\n�[2Jx\n')
  expect(
    fields([
      ['a', '1'],
      ['long', 'x\ny'],
    ]),
  ).toBe('a:     1\nlong:  x�y\n')
})
