import { expect, test } from 'vitest'
import { machineState } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { next, type MachineEvent } from './state.ts'

const events: MachineEvent[] = [
  'started',
  'failed',
  'paused',
  'resumed',
  'save',
  'saved',
  'died',
  'end',
  'ended',
]

test('the whole matrix of states and events is what the picture says', () => {
  const matrix = machineState.options.map(
    (state) => `${state}: ${events.map((event) => next(state, event) ?? '-').join(' ')}`,
  )
  expect(matrix).toEqual([
    'starting: running failed - - - - - stopping -',
    'running: - - paused - saving - failed stopping -',
    'paused: - - - running saving - failed stopping -',
    'saving: - - paused running - saved failed stopping -',
    'saved: - - - - - - - stopping -',
    'stopping: - - - - - - - - gone',
    'gone: - - - - - - - - -',
    'failed: - - - - - - - stopping -',
  ])
})
