// Get and list.

import type { Snapshot } from '@pandastack/contracts/http/snapshots.ts'
import { isUuid } from '@pandastack/contracts/ids.ts'
import { listSnapshots } from '@pandastack/db/tables/snapshots.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { ownedSnapshot } from '../sandboxes/origin.ts'
import { owned } from '../sandboxes/owned.ts'
import { toSnapshot } from './shape.ts'

export const get = async (ctx: Context, caller: Caller, id: string): Promise<Snapshot> =>
  toSnapshot(await ownedSnapshot(ctx, caller, id))

/** Snapshots outlive their sandbox, checkpoints do not: for those the sandbox must be there. */
export const list = async (
  ctx: Context,
  caller: Caller,
  filter: { sandboxId?: string; checkpoints?: boolean },
): Promise<Snapshot[]> => {
  const { sandboxId, checkpoints = false } = filter
  if (checkpoints && sandboxId !== undefined) await owned(ctx, caller, sandboxId)
  if (sandboxId !== undefined && !isUuid(sandboxId)) return []
  const rows = await listSnapshots(ctx.db, {
    projectId: caller.projectId,
    ...(sandboxId !== undefined && { sandboxId }),
    kinds: checkpoints ? ['snapshot', 'checkpoint', 'automatic'] : ['snapshot'],
    limit: ctx.settings.listMax,
  })
  return rows.filter((row) => row.status !== 'failed' || row.kind === 'snapshot').map(toSnapshot)
}
