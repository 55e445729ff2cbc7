// What every test of the suite starts with: a lab of its own, and one snapshot shared by all.

import type { Snapshot } from '../values.ts'
import type { Lab } from './lab.ts'

/** The machine behind the snapshot has counted to this and written this file. */
export const base = { count: 3, path: '/root/before', text: 'written before the capture\n' } as const

export interface Bench {
  readonly lab: Lab
  readonly snapshot: Snapshot
}
