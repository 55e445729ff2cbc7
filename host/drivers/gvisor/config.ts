// What the gVisor driver needs to know of its installation. Built once by the composition root.

import type { Restorer } from './restorer.ts'

export interface GvisorConfig {
  /** runsc, built from the pinned module. */
  runscPath: string
  /** Joins cgroups, closes descriptors, then becomes runsc. */
  launcherPath: string
  /** Restores without starting runsc; without it runsc is started. */
  restorer?: Restorer
  /** runsc's own records, one directory per installation; also how strays are told from other people's sandboxes. */
  stateDir: string
  /** Longest time of one runsc command. Restores of large snapshots get their own, see `restoreDeadlineMs`. */
  commandDeadlineMs: number
  restoreDeadlineMs: number
  captureDeadlineMs: number
}

export const defaults = {
  commandDeadlineMs: 30_000,
  restoreDeadlineMs: 60_000,
  captureDeadlineMs: 300_000,
}
