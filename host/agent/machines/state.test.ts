import { expect, test } from 'vitest'
import { machineState } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { next, type MachineEvent } from './state.ts'

const events: MachineEvent[] = ['started', 'failed', 'paused', 'resumed', 'died', 'end', 'ended']

test('the whole matrix of states and events is what the picture says', () => {
  const matrix = machineState.options.map(
    (state) => `${state}: ${events.map((event) => next(state, event) ?? '-').join(' ')}`,
  )
  expect(matrix).toEqual([
    'starting: running failed - - - stopping -',
    'running: - - paused - failed stopping -',
    'paused: - - - running failed stopping -',
    'stopping: - - - - - - gone',
    'gone: - - - - - - -',
    'failed: - - - - - stopping -',
  ])
})
