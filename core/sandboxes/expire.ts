// What happens at a sandbox's deadline, and telling the host that the deadline has moved.

import type { Context } from '../context.ts'
import { nextIntent } from './change.ts'
import { end } from './end.ts'
import { reconcile } from './reconcile.ts'
import { markUsed } from './registry.ts'
import type { Live } from './registry.ts'
import { expiresMs, guardMs, hostIsBehind, rearm } from './use.ts'

const retryMs = 1000

/** The deadline of a sandbox has come: it is over, or it was used meanwhile. */
export const lookAt = (ctx: Context, id: string): void => {
  const live = ctx.registry.peek(id)
  if (!live || live.ending) return
  const nowMs = ctx.clock.monotonicMs()
  if (expiresMs(live, nowMs) <= nowMs) ctx.background.run('expire', () => expire(ctx, live))
  else if (hostIsBehind(live, nowMs)) ctx.background.run('tell the host of use', () => tellHost(ctx, live))
  else rearm(ctx, live)
}

/** From the first moment on nobody can open it any more; when its end cannot be stored, it is tried again. */
const expire = async (ctx: Context, live: Live): Promise<void> => {
  live.ending = true
  try {
    await end(ctx, live, 'expired', { waitMs: ctx.settings.changeWaitMs })
  } finally {
    if (live.row.deleted_at === null) {
      live.ending = false
      ctx.deadlines.set(live.row.id, retryMs)
    }
  }
}

/** Tells the host until when the machine may live; once at a time for each sandbox. */
export const tellHost = (ctx: Context, live: Live): Promise<void> => {
  live.telling ??= tell(ctx, live).finally(() => {
    live.telling = null
  })
  return live.telling
}

const tell = async (ctx: Context, live: Live): Promise<void> => {
  // Not stored at once: the coarse writing of marks takes it along, and the host would answer with it.
  live.intent = nextIntent(live)
  live.dirty = true
  try {
    await reconcile(ctx, live, { waitMs: 0 })
  } catch (error) {
    if (live.row.deleted_at === null) ctx.deadlines.set(live.row.id, retryMs)
    throw error
  }
}

/** Marks the sandbox as used now. Resolves at once but for the last moments before the host's deadline. */
export const touch = async (ctx: Context, live: Live): Promise<void> => {
  markUsed(live, ctx.clock)
  const nowMs = live.lastUsedMs
  if (!hostIsBehind(live, nowMs)) return
  const told = tellHost(ctx, live)
  if ((live.hostExpiresMs ?? nowMs) - nowMs >= guardMs)
    return ctx.background.run('tell the host of use', () => told)
  try {
    await told
  } catch (err) {
    ctx.log.warn({ err, sandbox: live.row.id }, 'a host did not take a later deadline')
  }
}
