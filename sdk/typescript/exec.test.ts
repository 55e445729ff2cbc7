import { expect, test } from 'vitest'
import { execEvent } from './exec.ts'

test('output and exit become events', () => {
  expect(execEvent({ event: 'stdout', data: '{"chunk":"\\u00e9"}' })).toEqual({ kind: 'stdout', chunk: 'é' })
  expect(execEvent({ event: 'exit', data: '{"exit_code":3}' })).toEqual({ kind: 'exit', exitCode: 3 })
})

test('an error event is thrown with its sentence', () => {
  expect(() => execEvent({ event: 'error', data: '{"error":"exec timeout"}' })).toThrow('exec timeout')
})

test('an unknown event is passed over and broken JSON is not', () => {
  expect(execEvent({ event: 'later', data: '{}' })).toBeNull()
  expect(() => execEvent({ event: 'exit', data: '{' })).toThrow('not JSON')
})
