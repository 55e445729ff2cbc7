// What was seen at a fork, and how a check is told: as good, or with its first faults.

import type { Check } from '../checks.ts'
import type { Said } from './gather.ts'
import type { ServerState } from './server-state.ts'

export interface Findings {
  /** How many clones were asked for. */
  wanted: number
  pauseMs: number
  /** Before the fork. */
  before: ServerState
  parent: Said
  clones: Said[]
  /** Why clones did not come, or did not do their part. */
  failures: string[]
  /** A request to the parent's server that was open at the fork: its bytes when the children were there, and in the end. */
  stream: { atForkBytes: number; lastBytes: number; ended: boolean }
}

const shownFaults = 3

export const told = (name: string, faults: readonly string[], good: string): Check => {
  if (faults.length === 0) return { level: 'ok', name, text: good }
  const more = faults.length > shownFaults ? `; and ${faults.length - shownFaults} more` : ''
  return { level: 'fail', name, text: faults.slice(0, shownFaults).join('; ') + more }
}
