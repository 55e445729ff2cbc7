// Why a snapshot cannot be made, or not be restored from.

import type { SnapshotFailure } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import { DriverError } from '@pandastack/driver/driver.ts'

export class SnapshotMissing extends Error {
  override name = 'SnapshotMissing'
}

/** Its bytes are not those that were written. */
export class SnapshotBroken extends Error {
  override name = 'SnapshotBroken'
}

export const failureOf = (error: unknown): SnapshotFailure => {
  const message = error instanceof Error ? error.message.slice(0, 500) : String(error)
  const full = (error as NodeJS.ErrnoException).code === 'ENOSPC'
  if (full || (error instanceof DriverError && error.kind === 'no_space'))
    return { code: 'no_space', message }
  const gone = error instanceof SnapshotMissing || (error instanceof DriverError && error.kind === 'dead')
  return { code: gone ? 'gone' : 'failed', message }
}
