// What the fake driver needs to know. Built by the composition root, or by a test.

import type { Script } from './script.ts'

export interface FakeConfig {
  /** Processes carry it in their environment, so that installations do not take each other's for strays. */
  installation: string
  /**
   * The guest agent's binary. With it each machine runs the real agent as a process of this host, in private copies of
   * the places it writes to; memory is not captured then. Without it a small stand-in answers from this very process.
   */
  guestPath: string | undefined
  script: Script
}

/** A snapshot of another version is refused, as real drivers do. */
export const driverVersion = 'fake-1'
