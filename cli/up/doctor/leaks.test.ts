import { expect, test } from 'vitest'
import { rowsWithoutMachine } from './leaks.ts'

test('only a row that claims to run without a machine is a leak', () => {
  const rows = ['running', 'paused', 'creating', 'stopping', 'deleted'].map((status) => ({
    id: status,
    status,
  }))
  expect(rowsWithoutMachine(rows, [{ sandboxId: 'running' }]).map(({ name }) => name)).toEqual(['paused'])
})
