// Regular work that belongs to no request: writing back marks of use, forgetting what is old.

import { setTimeout as sleep } from 'node:timers/promises'
import { pruneKeys } from '@pandastack/db/tables/idempotency.ts'
import { markSandboxesUsed, pruneSandboxes } from '@pandastack/db/tables/sandboxes.ts'
import { pruneOperations } from '@pandastack/db/tables/operations.ts'
import { deleteUnwanted, pruneSnapshots } from '@pandastack/db/tables/snapshots.ts'
import type { Context } from './context.ts'
import { lookForActivity } from './sandboxes/activity.ts'
import { takeDue } from './sandboxes/checkpoints.ts'
import { expiresAtWallMs } from './sandboxes/use.ts'

const batch = 1000
const pruneEveryMs = 300_000
const tokensEveryMs = 60_000
const unwantedEveryMs = 2000

/** Until the signal aborts. Never throws. */
export const keepHouse = async (ctx: Context, signal: AbortSignal): Promise<void> => {
  await Promise.all([
    every(ctx, signal, ctx.settings.flushEveryMs, 'write back marks of use', () => flushUses(ctx)),
    every(ctx, signal, ctx.settings.activityEveryMs, 'look for activity', () =>
      lookForActivity(ctx, ctx.settings.activityEveryMs),
    ),
    every(ctx, signal, ctx.settings.flushEveryMs, 'take checkpoints that are due', () => takeDue(ctx)),
    every(ctx, signal, unwantedEveryMs, 'delete snapshots nobody can want', () => deleteUnwanted(ctx.db)),
    every(ctx, signal, tokensEveryMs, 'write back uses of keys', () => ctx.keys.flush()),
    every(ctx, signal, pruneEveryMs, 'forget what is old', () => prune(ctx)),
  ])
}

export const flushUses = async (ctx: Context): Promise<void> => {
  const dirty = [...ctx.registry.all()].filter((live) => live.dirty || live.uses > 0).slice(0, batch)
  if (dirty.length === 0) return
  const nowMs = ctx.clock.monotonicMs()
  const uses = dirty.map((live) => {
    live.dirty = false
    const expiresMs = expiresAtWallMs(live, ctx.clock)
    const idleMs = live.uses > 0 ? 0 : nowMs - live.lastUsedMs
    return {
      id: live.row.id,
      lastUsedAt: new Date(ctx.clock.wallMs() - idleMs),
      expiresAt: expiresMs === null ? null : new Date(expiresMs),
      intent: live.intent,
    }
  })
  try {
    await markSandboxesUsed(ctx.db, uses)
  } catch (error) {
    for (const live of dirty) live.dirty = true
    throw error
  }
}

const prune = async (ctx: Context): Promise<void> => {
  const nowMs = ctx.clock.wallMs()
  await pruneKeys(ctx.db, new Date(nowMs - ctx.settings.keepAnswersMs))
  await pruneSnapshots(ctx.db, new Date(nowMs - ctx.settings.keepEndedMs))
  await pruneOperations(ctx.db, new Date(nowMs - ctx.settings.keepAnswersMs))
  await pruneSandboxes(ctx.db, new Date(nowMs - ctx.settings.keepEndedMs), batch)
}

const every = async (
  ctx: Context,
  signal: AbortSignal,
  everyMs: number,
  what: string,
  work: () => Promise<void>,
): Promise<void> => {
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    try {
      await work()
    } catch (err) {
      ctx.log.warn({ err, what }, 'regular work failed and is tried again later')
    }
  }
}
