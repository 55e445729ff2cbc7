import { expect, test } from 'vitest'
import { attemptsTable, shortLabel } from './attempts.ts'

const outcome = {
  index: 0,
  label: 'make test',
  sandbox_id: null,
  state: 'timed_out',
  exit_code: null,
  stdout: '',
  stderr: '',
  score: null,
  duration_ms: 1500,
  files: [],
  error: null,
} as const

test('the winner is marked, and what is not known is left out', () => {
  const outcomes = [
    { ...outcome, files: [] },
    { ...outcome, index: 1, state: 'succeeded' as const, exit_code: 0, score: 0.5, files: [] },
  ]
  expect(
    attemptsTable({
      parent_id: 'p',
      pause_ms: 1,
      outcomes,
      winner: 1,
      winner_sandbox_id: null,
      merged: [],
      merge_error: null,
    }),
  ).toBe(
    '   ATTEMPT    STATE      EXIT  SCORE  TIME   FILES  SANDBOX\n' +
      '   make test  timed out               1.5 s  0\n' +
      '*  make test  succeeded  0     0.5    1.5 s  0\n',
  )
})

test('a long command is cut and one of several lines is its first', () => {
  expect(shortLabel('a')).toBe('a')
  expect(shortLabel('set -e\nmake')).toBe('set -e…')
  expect(shortLabel('x'.repeat(100))).toBe(`${'x'.repeat(59)}…`)
})
