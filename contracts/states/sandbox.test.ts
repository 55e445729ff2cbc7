import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { can, isOver, next } from './sandbox.ts'
import type { SandboxSignal } from './sandbox.ts'
import { sandboxStatus } from '../http/shapes.ts'
import type { SandboxStatus } from '../http/shapes.ts'

const signals: SandboxSignal[] = [
  'pause',
  'resume',
  'hibernate',
  'wake',
  'remove',
  'expire',
  'machineRunning',
  'machinePaused',
  'machineGone',
  'machineFailed',
  'machineExpired',
  'machineSaved',
]

const after = (state: SandboxStatus, signal: SandboxSignal): SandboxStatus => {
  const step = next(state, signal)
  return 'to' in step ? step.to : state
}

test('the whole table', () => {
  const matrix = Object.fromEntries(
    sandboxStatus.options.map((state) => [
      state,
      signals.map((signal) => {
        const step = next(state, signal)
        return 'to' in step ? step.to : '-'
      }),
    ]),
  )
  const end = ['failed', 'failed', 'deleted']
  const four = (state: string): string[] => [state, state, state, state]
  expect(matrix).toEqual({
    creating: ['-', '-', '-', '-', 'stopping', 'stopping', 'running', 'paused', ...end, '-'],
    running: [...four('running'), 'stopping', 'stopping', 'running', 'paused', ...end, 'hibernated'],
    paused: [
      'paused',
      'paused',
      'paused',
      '-',
      'stopping',
      'stopping',
      'running',
      'paused',
      ...end,
      'hibernated',
    ],
    hibernated: [
      '-',
      '-',
      'hibernated',
      'hibernated',
      'stopping',
      'stopping',
      'running',
      'paused',
      '-',
      '-',
      '-',
      'hibernated',
    ],
    stopping: [...four('-'), ...four('stopping'), 'deleted', 'deleted', 'deleted', '-'],
    failed: [...four('-'), 'deleted', 'deleted', '-', '-', 'failed', 'failed', 'failed', '-'],
    deleted: [...four('-'), ...four('-'), ...four('-')],
  })
})

test('a refusal names the state', () => {
  expect(next('failed', 'pause')).toEqual({ refused: 'the sandbox is failed' })
})

test('whatever happens, nothing returns from its end', () => {
  const run = fc.array(fc.constantFrom(...signals), { maxLength: 40 })
  fc.assert(
    fc.property(run, (sequence) => {
      let state: SandboxStatus = 'creating'
      let ended = false
      for (const signal of sequence) {
        state = after(state, signal)
        if (ended && !isOver(state)) return false
        ended ||= isOver(state)
      }
      return true
    }),
  )
})

test('only a running sandbox takes commands, and whatever is not at its end can be removed', () => {
  expect(sandboxStatus.options.filter(can.exec)).toEqual(['running'])
  expect(sandboxStatus.options.filter((state) => !can.remove(state))).toEqual(['deleted'])
})
