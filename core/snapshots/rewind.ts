// Rewind: a sandbox becomes again what it was at one of its checkpoints, memory included, under the same id and names.
// What it is now runs on until the earlier self runs in its place.

import type { Rewound, RewindRequest } from '@pandastack/contracts/http/snapshots.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { SnapshotRow } from '@pandastack/db/schema.ts'
import { listSnapshots } from '@pandastack/db/tables/snapshots.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { conflict, notFound } from '../refusals.ts'
import { bring } from '../sandboxes/bring.ts'
import { originOf, ownedSnapshot } from '../sandboxes/origin.ts'
import { owned } from '../sandboxes/owned.ts'
import type { Live } from '../sandboxes/registry.ts'
import type { Source } from '../sandboxes/secrets.ts'
import { toSandbox } from '../sandboxes/shape.ts'

export const rewind = async (
  ctx: Context,
  caller: Caller,
  id: string,
  to: RewindRequest,
): Promise<Rewound> => {
  const startedMs = ctx.clock.monotonicMs()
  const live = await owned(ctx, caller, id)
  const row = await target(ctx, caller, live, to)
  const { source } = await originOf(ctx, caller, row.id)
  if (!source) throw notFound()
  await takeBack(ctx, live, source, row.id)
  const tookMs = Math.round(ctx.clock.monotonicMs() - startedMs)
  return { sandbox: toSandbox(live, ctx.clock), snapshot_id: row.id, took_ms: tookMs }
}

/** The sandbox becomes what the snapshot holds. `lineage`: the last lasting snapshot on the way to there. */
export const takeBack = async (
  ctx: Context,
  live: Live,
  source: Source,
  lineage: string | null,
): Promise<void> => {
  await live.saving?.catch(() => undefined)
  await bring(ctx, live, async () => ({
    source,
    check(row) {
      if (row.deleted_at !== null) throw notFound()
      if (row.status !== 'running' && row.status !== 'paused' && row.status !== 'hibernated')
        throw conflict(`the sandbox is ${row.status}`)
    },
    change: { lineage },
  }))
}

const target = async (ctx: Context, caller: Caller, live: Live, to: RewindRequest): Promise<SnapshotRow> => {
  if (to.snapshot_id !== undefined) {
    const row = await ownedSnapshot(ctx, caller, to.snapshot_id)
    if (row.sandbox_id !== live.row.id) throw conflict('the snapshot is of another sandbox')
    return row
  }
  const rows = await listSnapshots(ctx.db, {
    projectId: caller.projectId,
    sandboxId: live.row.id,
    kinds: ['snapshot', 'checkpoint', 'automatic'],
    limit: ctx.settings.snapshotsMax,
  })
  const ready = rows.filter(({ status }) => status === 'ready')
  const row = to.name === undefined ? ready[(to.steps ?? 1) - 1] : ready.find(({ name }) => name === to.name)
  if (!row) throw new PandaError('not_found', 'the sandbox has no such checkpoint')
  return row
}
