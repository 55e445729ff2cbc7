// What becomes of a row whose machine its host does not know any more: pure.

import { isOver } from '@pandastack/contracts/states/sandbox.ts'
import type { SandboxRow } from '@pandastack/db/schema.ts'
import type { Decision } from './change.ts'

const failure = 'the host no longer knows its machine'

/** Null when nothing is left to do. */
export const lost = (row: SandboxRow): Decision | null => {
  if (row.settled) return null
  if (isOver(row.status)) return { change: {} }
  // It has none.
  if (row.status === 'hibernated') return null
  if (row.status === 'stopping') return { change: { status: 'deleted' } }
  return {
    change: { status: 'failed', desired: 'gone', failure, failure_reason: 'host_lost' },
    events: [{ type: 'vm.died', payload: { reason: 'host_lost', message: failure } }],
  }
}
