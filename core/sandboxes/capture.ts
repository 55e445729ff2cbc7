// Snapshots of a sandbox, taken by its host and recorded in a row. The row comes first, so that nothing on a host is
// without one for longer than it takes to make; what comes to nothing is deleted again.

import { newCaptureId } from '@pandastack/contracts/ids.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { SnapshotReport, SnapshotSpec } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import type { NewSnapshotRow, SnapshotRow } from '@pandastack/db/schema.ts'
import {
  deleteSnapshot,
  findSnapshot,
  finishSnapshot,
  insertSnapshot,
  sumSnapshots,
} from '@pandastack/db/tables/snapshots.ts'
import { failpoint } from '@pandastack/kit/failpoint/failpoint.ts'
import type { Context } from '../context.ts'
import { HostRefused } from '../ports/host-port.ts'
import { conflict } from '../refusals.ts'
import { change } from './change.ts'
import { markUsed } from './registry.ts'
import type { Live } from './registry.ts'
import { sealSecrets } from './secrets.ts'

export interface Wish {
  id: string
  kind: SnapshotRow['kind']
  name?: string
  metadata?: Record<string, string>
}

/** The published clients wait for 180 s. */
const waitMs = 110_000

export const newSnapshotRow = (ctx: Context, live: Live, wish: Wish): NewSnapshotRow => {
  const { row, secrets } = live
  return {
    id: wish.id,
    project_id: row.project_id,
    host: row.host,
    sandbox_id: row.id,
    machine_id: row.machine_id,
    parent_id: row.lineage,
    kind: wish.kind,
    name: wish.name ?? '',
    template: row.template,
    cpu: row.cpu,
    memory_mb: row.memory_mb,
    disk_mb: row.disk_mb,
    metadata: JSON.stringify(wish.metadata ?? {}),
    sealed: sealSecrets(ctx.seal, wish.id, {
      guestToken: secrets.guestToken,
      env: secrets.env,
      metadata: {},
    }),
    created_at: new Date(ctx.clock.wallMs()),
  }
}

/** Takes a snapshot that stays. Throws with nothing left behind. */
export const takeSnapshot = async (
  ctx: Context,
  live: Live,
  wish: Omit<Wish, 'id'>,
): Promise<SnapshotRow> => {
  await checkQuota(ctx, live.row.project_id)
  const row = newSnapshotRow(ctx, live, { id: newCaptureId(), ...wish })
  using _ = ctx.passing.hold(row.id)
  try {
    await insertSnapshot(ctx.db, row)
    await failpoint('snapshot.stored')
    const report = await askForSnapshot(ctx, live, { snapshotId: row.id, durable: true })
    await failpoint('snapshot.taken')
    const stored = await finishSnapshot(ctx.db, row.id, readyChange(report))
    if (!stored) throw conflict('the snapshot was deleted while it was being made')
    await change(ctx, live.row.id, () => ({
      change: { lineage: row.id },
      events: [{ type: 'sandbox.snapshot', payload: { id: row.id, kind: wish.kind, name: row.name } }],
    }))
    ctx.measures.captures.inc({ kind: wish.kind, outcome: 'taken' })
    return stored
  } catch (error) {
    ctx.measures.captures.inc({ kind: wish.kind, outcome: 'failed' })
    await deleteSnapshot(ctx.db, row.id).catch(() => undefined)
    throw error
  }
}

const checkQuota = async (ctx: Context, projectId: string): Promise<void> => {
  const { snapshotsMax, snapshotBytesMax } = ctx.settings
  const { count, bytes } = await sumSnapshots(ctx.db, projectId)
  if (count >= snapshotsMax)
    throw new PandaError('quota_exceeded', `a project has at most ${snapshotsMax} snapshots`)
  if (bytes >= snapshotBytesMax)
    throw new PandaError(
      'quota_exceeded',
      `the snapshots of a project take at most ${snapshotBytesMax} bytes`,
    )
}

/** Of the sandbox as it is: of its machine, or of the snapshot that it is while it is hibernated. */
export const askForSnapshot = async (
  ctx: Context,
  live: Live,
  { snapshotId, durable }: { snapshotId: string; durable: boolean },
): Promise<SnapshotReport> => {
  await live.saving?.catch(() => undefined)
  const { row } = live
  if (row.status !== 'running' && row.status !== 'paused' && row.status !== 'hibernated')
    throw conflict(`the sandbox is ${row.status}`)
  const from: SnapshotSpec['from'] =
    row.status === 'hibernated'
      ? { kind: 'snapshot', snapshotId: row.hibernation ?? '' }
      : { kind: 'machine', machineId: row.machine_id }
  markUsed(live, ctx.clock)
  const { host } = ctx.hosts.link(row.host)
  let report: SnapshotReport
  try {
    report = await host.takeSnapshot({ snapshotId, from, durable }, { waitMs, signal: ctx.stopping })
  } catch (error) {
    if (error instanceof HostRefused && error.code === 'nothing_there')
      throw conflict('the sandbox ended or changed while it was being captured')
    throw error
  }
  if (report.state === 'ready') {
    ctx.measures.pauseSeconds.observe(report.pauseMs / 1000)
    return report
  }
  if (report.state === 'capturing')
    throw new PandaError('unavailable', 'the snapshot was not ready in time', { retryAfterSeconds: 5 })
  const message = `the snapshot could not be taken: ${report.failure?.message ?? 'no reason given'}`
  if (report.failure?.code === 'no_space')
    throw new PandaError('no_space', message, { retryAfterSeconds: 30 })
  if (report.failure?.code === 'gone') throw conflict(message)
  throw new PandaError('unavailable', message, { retryAfterSeconds: 5 })
}

export const readyChange = (report: SnapshotReport) => ({
  status: 'ready' as const,
  digest: report.digest,
  unique_bytes: report.uniqueBytes,
  shared_bytes: report.sharedBytes,
  pause_ms: report.pauseMs,
  driver: report.driver,
  tier: report.tier,
})

/** Writes down what the host says of a snapshot whose making we did not wait for. */
export const recordTaken = async (ctx: Context, host: string, snapshotId: string): Promise<void> => {
  const row = await findSnapshot(ctx.db, snapshotId)
  if (row?.status !== 'creating') return
  const reports = await ctx.hosts.link(host).host.snapshots()
  const report = reports.find((one) => one.snapshotId === snapshotId)
  if (report?.state === 'ready') await finishSnapshot(ctx.db, snapshotId, readyChange(report))
}
