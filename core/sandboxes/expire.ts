// What happens at a sandbox's deadlines, of its TTL and of its idleness, and telling the host that the TTL's has moved.

import type { Context } from '../context.ts'
import { nextIntent } from './change.ts'
import { end } from './end.ts'
import { save } from './hibernate.ts'
import { reconcile } from './reconcile.ts'
import { markUsed } from './registry.ts'
import type { Live } from './registry.ts'
import { expiresMs, guardMs, hostIsBehind, idleAtMs, rearm } from './use.ts'

const retryMs = 1000
const hibernateAgainMs = 15_000

/** The deadline of a sandbox has come: it is over, or it was used meanwhile. */
export const lookAt = (ctx: Context, id: string): void => {
  const live = ctx.registry.peek(id)
  if (!live || live.ending) return
  const nowMs = ctx.clock.monotonicMs()
  const expired = expiresMs(live, nowMs) <= nowMs
  const sleeps = live.row.on_timeout === 'hibernate' && live.row.status !== 'creating'
  if (expired && !sleeps) ctx.background.run('expire', () => expire(ctx, live))
  else if (expired || idleAtMs(live, nowMs) <= nowMs)
    ctx.background.run('hibernate', () => fallAsleep(ctx, live))
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

/** One that cannot be saved goes on, and is tried again. */
const fallAsleep = async (ctx: Context, live: Live): Promise<void> => {
  try {
    await save(ctx, live)
  } finally {
    if (live.row.status !== 'hibernated' && live.row.deleted_at === null)
      ctx.deadlines.set(live.row.id, hibernateAgainMs)
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
