// The snapshot that a sandbox is to be made from: its owner's, ready, and with all that it says of itself. The template
// that a request names beside it is ignored, because the published clients always name one.

import { isUuid } from '@pandastack/contracts/ids.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { SnapshotRow } from '@pandastack/db/schema.ts'
import { findSnapshot } from '@pandastack/db/tables/snapshots.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { conflict } from '../refusals.ts'
import { openSecrets } from './secrets.ts'
import type { Source } from './secrets.ts'

export interface Origin {
  template: string
  sizes: { cpu: number; memoryMb: number; diskMb: number }
  env: Record<string, string>
  /** Where it is; null: anywhere. */
  host: string | null
  /** Absent: the template's own snapshot. */
  source?: Source
}

/** A snapshot of the caller's; not_found for unknown, deleted, malformed and foreign ids alike. */
export const ownedSnapshot = async (ctx: Context, caller: Caller, id: string): Promise<SnapshotRow> => {
  const row = isUuid(id) ? await findSnapshot(ctx.db, id) : undefined
  if (!row || row.project_id !== caller.projectId || row.deleted_at !== null || row.kind === 'hibernation')
    throw new PandaError('not_found', 'snapshot not found')
  return row
}

export const originOf = async (ctx: Context, caller: Caller, id: string): Promise<Origin> => {
  const row = await ownedSnapshot(ctx, caller, id)
  const { guestToken, env } = openSecrets(ctx.seal, row)
  return {
    template: row.template,
    sizes: { cpu: row.cpu, memoryMb: row.memory_mb, diskMb: row.disk_mb },
    env,
    host: row.host,
    source: { ...sourceOf(row), guestToken },
  }
}

const sourceOf = (row: SnapshotRow): Omit<Source, 'guestToken'> => {
  // One that was ready once and is marked as broken may have been put right: its host can tell.
  if (row.status === 'ready' || row.digest !== '') return { snapshotId: row.id, digest: row.digest }
  if (row.status === 'creating') throw conflict('the snapshot is still being made')
  throw new PandaError('snapshot_corrupt', `the snapshot cannot be used: ${row.failure ?? 'it failed'}`)
}
