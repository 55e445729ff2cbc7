// Rows and files of snapshots, compared both ways: files of deleted ones go, files without a row go once that was seen
// twice, and a row whose files are gone says so until they are back. What another part of this process is making or using
// is left alone.

import { setTimeout as sleep } from 'node:timers/promises'
import type { SnapshotReport } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import type { SnapshotRow } from '@pandastack/db/schema.ts'
import {
  deletedSnapshots,
  deleteSnapshot,
  failSnapshot,
  finishSnapshot,
  mendSnapshot,
  settleSnapshot,
  unsettledSnapshots,
} from '@pandastack/db/tables/snapshots.ts'
import type { Context } from '../context.ts'
import type { HostLink } from '../hosts/hosts.ts'
import { readyChange } from '../sandboxes/capture.ts'

const lettingGoEveryMs = 1000

/** Until the signal aborts. Never throws. */
export const tendSnapshots = async (ctx: Context, signal: AbortSignal): Promise<void> => {
  await Promise.all(ctx.hosts.links.map((link) => tend(ctx, link, signal)))
}

const tend = async (ctx: Context, link: HostLink, signal: AbortSignal): Promise<void> => {
  let suspects = new Set<string>()
  let comparedMs = -Infinity
  while (!signal.aborted) {
    try {
      for (const row of await deletedSnapshots(ctx.db, link.name)) await letGo(ctx, row)
      if (ctx.clock.monotonicMs() - comparedMs >= ctx.settings.repairEveryMs) {
        suspects = await compare(ctx, link, suspects)
        comparedMs = ctx.clock.monotonicMs()
      }
    } catch (err) {
      if (!signal.aborted) ctx.log.debug({ err, host: link.name }, 'snapshots could not be looked after')
    }
    const pauseMs = Math.min(lettingGoEveryMs, ctx.settings.repairEveryMs)
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined)
  }
}

/** The host forgets its files; the row is settled then. Later, while somebody is being restored from it. */
export const letGo = async (ctx: Context, row: Pick<SnapshotRow, 'id' | 'host'>): Promise<void> => {
  if (ctx.passing.has(row.id)) return
  await ctx.hosts.link(row.host).host.dropSnapshot(row.id)
  await settleSnapshot(ctx.db, row.id)
}

/** Returns the ids that nobody knows. */
export const compare = async (
  ctx: Context,
  link: HostLink,
  suspects: ReadonlySet<string>,
): Promise<Set<string>> => {
  // Rows first: a snapshot that is made meanwhile has its row before its files.
  const rows = await unsettledSnapshots(ctx.db, link.name)
  const reports = new Map((await link.host.snapshots()).map((report) => [report.snapshotId, report]))
  for (const row of rows) await mend(ctx, row, reports.get(row.id))
  const known = new Set(rows.map(({ id }) => id))
  const strangers = [...reports.keys()].filter((id) => !known.has(id) && !ctx.passing.has(id))
  for (const id of strangers.filter((stranger) => suspects.has(stranger))) {
    ctx.log.warn({ snapshot: id, host: link.name }, 'dropping a snapshot that nobody knows')
    await link.host.dropSnapshot(id)
  }
  return new Set(strangers)
}

const mend = async (ctx: Context, row: SnapshotRow, report: SnapshotReport | undefined): Promise<void> => {
  if (row.deleted_at !== null || ctx.passing.has(row.id)) return
  if (row.status === 'creating') return mendUnfinished(ctx, row, report)
  const isWhole = report?.state === 'ready' && report.digest === row.digest
  if (row.status === 'ready' && report?.state !== 'ready')
    await failSnapshot(ctx.db, row.id, report?.failure?.message ?? 'its files are not on the host any more')
  else if (row.status === 'failed' && row.digest !== '' && isWhole) await mendSnapshot(ctx.db, row.id)
}

/** Its maker has died. Only a hibernation is somebody's without having been waited for. */
const mendUnfinished = async (
  ctx: Context,
  row: SnapshotRow,
  report: SnapshotReport | undefined,
): Promise<void> => {
  const live = row.kind === 'hibernation' ? await ctx.registry.find(row.sandbox_id) : null
  if (live?.row.hibernation !== row.id || live.row.deleted_at !== null) await deleteSnapshot(ctx.db, row.id)
  else if (report?.state === 'ready') await finishSnapshot(ctx.db, row.id, readyChange(report))
}
