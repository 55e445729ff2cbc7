import { expect, test } from 'vitest'
import type { AttemptOutcome } from '@pandastack/contracts/http/snapshots.ts'
import { best, isEnough, lastNumber } from './score.ts'

const outcome = (index: number, change: Partial<AttemptOutcome> = {}): AttemptOutcome => ({
  index,
  label: '',
  sandbox_id: null,
  state: 'succeeded',
  exit_code: 0,
  stdout: '',
  stderr: '',
  score: 1,
  duration_ms: 10,
  files: [],
  error: null,
  ...change,
})

test('a score is the last number that was printed', () => {
  expect(lastNumber('run 3 took 1.5e2 ms\n')).toBe(150)
  expect(lastNumber('-0.25')).toBe(-0.25)
  expect(lastNumber('nothing\n')).toBeNull()
  expect(lastNumber('')).toBeNull()
})

test('the best is the highest score, then the quicker, then the earlier', () => {
  expect(
    best([outcome(0), outcome(1, { score: 2 }), outcome(2, { score: 9, state: 'failed' })], 'all')?.index,
  ).toBe(1)
  expect(best([outcome(0), outcome(1, { duration_ms: 5 })], 'best_score')?.index).toBe(1)
  expect(best([outcome(1), outcome(0)], 'all')?.index).toBe(0)
  expect(best([outcome(0, { state: 'failed' })], 'all')).toBeNull()
})

test('of the first success, the first in order of ending counts, whatever its score', () => {
  expect(best([outcome(3, { score: 0 }), outcome(0, { score: 9 })], 'first_success')?.index).toBe(3)
})

test('only a success ends a search early, and a score only where one was asked for', () => {
  expect(isEnough(outcome(0), { commands: ['x'], stop: 'first_success' })).toBe(true)
  expect(isEnough(outcome(0, { state: 'failed' }), { commands: ['x'], stop: 'first_success' })).toBe(false)
  expect(isEnough(outcome(0, { score: 5 }), { commands: ['x'], stop: 'best_score', score_enough: 5 })).toBe(
    true,
  )
  expect(isEnough(outcome(0, { score: 4 }), { commands: ['x'], stop: 'best_score', score_enough: 5 })).toBe(
    false,
  )
  expect(isEnough(outcome(0, { score: 9 }), { commands: ['x'], stop: 'all', score_enough: 5 })).toBe(false)
})
