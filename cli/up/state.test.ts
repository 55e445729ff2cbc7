import { expect, test } from 'vitest'
import { identity, type ProcessIdentity } from '@pandastack/kit/process/identity.ts'
import { livingComponents, parseState, supervisorRuns, type RunState } from './state.ts'

const self = identity(process.pid) as ProcessIdentity
const earlier = { pid: process.pid, startTime: '1' }

const state = (parts: Partial<RunState> = {}): RunState => ({
  version: 1,
  bootId: 'b',
  supervisor: self,
  phase: 'running',
  detail: '',
  listen: '127.0.0.1:4280',
  startedAtMs: 1,
  components: {},
  ...parts,
})
const component = (who: ProcessIdentity) => ({
  ...who,
  state: 'ready' as const,
  startedAtMs: 1,
  restarts: 0,
  lastEnd: null,
})

test('a state is read back as it was written', () => {
  const written = state({ components: { agent: component(self) } })
  expect(parseState(JSON.stringify(written))).toEqual(written)
})

test.each([
  '',
  '{',
  'null',
  '{"version":2}',
  '{"version":1,"supervisor":{"pid":1,"startTime":"1"},"components":{}}',
])('half a state or a foreign one (%j) is none', (text) => expect(parseState(text)).toBeNull())

test('a component without a start time makes the state unusable', () => {
  expect(parseState(JSON.stringify({ ...state(), components: { agent: { pid: 5 } } }))).toBeNull()
})

test('a later process with the same number is not ours', () => {
  expect(supervisorRuns(state())).toBe(true)
  expect(supervisorRuns(state({ supervisor: earlier }))).toBe(false)
  expect(supervisorRuns(null)).toBe(false)
  const components = { agent: component(earlier), postgres: component(self) }
  expect(livingComponents(state({ components })).map(([name]) => name)).toEqual(['postgres'])
})
