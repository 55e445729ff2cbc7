// Checkpoints that are taken by themselves: before each command, or every so often while the sandbox is in use. They are
// bounded in number and bytes; the oldest go. One that cannot be taken is reported as an event and stands in nobody's way.

import type { SnapshotRow } from '@pandastack/db/schema.ts'
import { deleteSnapshot, listSnapshots } from '@pandastack/db/tables/snapshots.ts'
import type { Context } from '../context.ts'
import { isStorable } from '../text.ts'
import { takeSnapshot } from './capture.ts'
import { change } from './change.ts'
import type { Live } from './registry.ts'

const nameMax = 120

export const beforeCommand = async (ctx: Context, live: Live, cmd: string): Promise<void> => {
  if (!live.row.checkpoints?.every_command) return
  const text = isStorable(cmd) ? cmd.slice(0, nameMax) : ''
  await takeAutomatic(ctx, live, `before: ${text.isWellFormed() ? text : ''}`)
}

/** Those whose time has come and that were used since their last one. */
export const takeDue = async (ctx: Context): Promise<void> => {
  const nowMs = ctx.clock.monotonicMs()
  for (const live of ctx.registry.all()) {
    const everySeconds = live.row.checkpoints?.every_seconds
    if (everySeconds === undefined || live.row.status !== 'running' || live.ending || live.bringing) continue
    const usedMs = live.uses > 0 ? nowMs : Math.max(live.lastUsedMs, live.activeMs)
    if (nowMs - live.checkpointMs < everySeconds * 1000 || usedMs <= live.checkpointMs) continue
    ctx.background.run('take a checkpoint', () => takeAutomatic(ctx, live, `every ${everySeconds} s`))
  }
}

const takeAutomatic = async (ctx: Context, live: Live, name: string): Promise<void> => {
  // Used by its making, too; only what comes after counts.
  live.checkpointMs = ctx.clock.monotonicMs()
  try {
    await takeSnapshot(ctx, live, { kind: 'automatic', name })
    live.checkpointMs = ctx.clock.monotonicMs()
    await trim(ctx, live)
  } catch (err) {
    ctx.log.warn({ err, sandbox: live.row.id }, 'an automatic checkpoint could not be taken')
    const message = err instanceof Error ? err.message : String(err)
    await change(ctx, live.row.id, () => ({
      change: {},
      events: [{ type: 'sandbox.checkpoint_failed', payload: { name, message } }],
    })).catch(() => undefined)
  }
}

const trim = async (ctx: Context, live: Live): Promise<void> => {
  const { row } = live
  const listed = await listSnapshots(ctx.db, {
    projectId: row.project_id,
    sandboxId: row.id,
    kinds: ['automatic'],
    limit: 1000,
  })
  const { keep = ctx.settings.checkpointsKept, keep_bytes: keepBytes = Infinity } = row.checkpoints ?? {}
  for (const { id } of beyond(listed, keep, keepBytes)) await deleteSnapshot(ctx.db, id)
}

/** Of those listed newest first, the ones that are too many or too much; the newest always stays. Pure. */
export const beyond = <T extends Pick<SnapshotRow, 'unique_bytes'>>(
  listed: readonly T[],
  keep: number,
  keepBytes: number,
): T[] => {
  let sumBytes = 0
  return listed.filter((one, place) => {
    sumBytes += one.unique_bytes
    return place > 0 && (place >= keep || sumBytes > keepBytes)
  })
}
