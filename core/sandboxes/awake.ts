// A hibernated sandbox becomes a running one. Whoever needs it meanwhile waits for the same.

import { findSnapshot } from '@pandastack/db/tables/snapshots.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { next } from '@pandastack/contracts/states/sandbox.ts'
import type { Context } from '../context.ts'
import { conflict, notFound } from '../refusals.ts'
import { bring } from './bring.ts'
import { save } from './hibernate.ts'
import type { Live } from './registry.ts'

/** Resolves at once for one that is not hibernated, nor about to be. */
export const awake = async (ctx: Context, live: Live): Promise<void> => {
  const sleeps = (): boolean => live.row.status === 'hibernated'
  // The wish may be older than this process; it cannot be taken back half-way.
  if (live.saving || (live.row.desired === 'hibernated' && !sleeps()))
    await save(ctx, live).catch(() => undefined)
  // It may be taken back while it is hibernated, too, and then runs.
  if (live.bringing && sleeps()) await live.bringing
  if (!sleeps()) return
  if (live.ending) throw notFound()
  try {
    await (live.bringing ?? wakeNow(ctx, live))
    ctx.measures.wakes.inc({ outcome: 'woken' })
  } catch (error) {
    ctx.measures.wakes.inc({ outcome: error instanceof PandaError ? error.code : 'internal' })
    throw error
  }
}

const wakeNow = (ctx: Context, live: Live): Promise<void> =>
  bring(ctx, live, async () => {
    const { hibernation } = live.row
    const found = hibernation === null ? undefined : await findSnapshot(ctx.db, hibernation)
    if (!found) throw new PandaError('snapshot_corrupt', 'the snapshot of the hibernated sandbox is gone')
    return {
      source: { snapshotId: found.id, digest: found.digest, guestToken: live.secrets.guestToken },
      check(row) {
        const step = next(row.status, 'wake')
        if ('refused' in step) throw conflict(step.refused)
        if (row.deleted_at !== null) throw notFound()
      },
    }
  })
