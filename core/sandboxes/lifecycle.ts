// When a sandbox ends by itself: reading and changing it. A change counts as use.

import type { Lifecycle, LifecycleChange } from '@pandastack/contracts/http/shapes.ts'
import type { SandboxChange } from '@pandastack/db/schema.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { change, nextIntent } from './change.ts'
import { tellHost } from './expire.ts'
import { owned } from './owned.ts'
import { markUsed } from './registry.ts'
import type { Live } from './registry.ts'
import { expiresAtWallMs, idleSeconds, rearm } from './use.ts'

export const lifecycle = async (ctx: Context, caller: Caller, id: string): Promise<Lifecycle> =>
  toLifecycle(ctx, await owned(ctx, caller, id))

export const setLifecycle = async (
  ctx: Context,
  caller: Caller,
  id: string,
  wish: LifecycleChange,
): Promise<Lifecycle> => {
  const live = await owned(ctx, caller, id)
  await change(ctx, id, (row) => {
    const ttlSeconds = wish.ttl_seconds ?? row.ttl_seconds
    const persistent = wish.persistent ?? row.persistent
    const rest = restOf(wish)
    const same = ttlSeconds === row.ttl_seconds && persistent === row.persistent
    if (same && Object.keys(rest).length === 0) return null
    const nowMs = ctx.clock.wallMs()
    return {
      change: {
        ...rest,
        ttl_seconds: ttlSeconds,
        persistent,
        expires_at: persistent ? null : new Date(nowMs + ttlSeconds * 1000),
        last_used_at: new Date(nowMs),
        intent: nextIntent(live),
      },
    }
  })
  markUsed(live, ctx.clock)
  rearm(ctx, live)
  await told(ctx, live)
  return toLifecycle(ctx, live)
}

const restOf = (wish: LifecycleChange): SandboxChange => ({
  ...(wish.on_timeout !== undefined && { on_timeout: wish.on_timeout }),
  ...(wish.hibernate_after_seconds !== undefined && {
    hibernate_after_seconds: wish.hibernate_after_seconds,
  }),
  ...(wish.checkpoints !== undefined && {
    checkpoints: wish.checkpoints && JSON.stringify(wish.checkpoints),
  }),
})

/** The change is stored and enforced here; a host that does not answer now is told later. */
const told = async (ctx: Context, live: Live): Promise<void> => {
  if (live.row.status !== 'running' && live.row.status !== 'paused') return
  try {
    await live.telling
    await tellHost(ctx, live)
  } catch (err) {
    ctx.log.warn({ err, sandbox: live.row.id }, 'a host did not take a new deadline yet')
  }
}

const toLifecycle = (ctx: Context, live: Live): Lifecycle => {
  const expiresMs = expiresAtWallMs(live, ctx.clock)
  return {
    ttl_seconds: live.row.ttl_seconds,
    persistent: live.row.persistent,
    idle_seconds: idleSeconds(live, ctx.clock),
    expires_at: expiresMs === null ? null : new Date(expiresMs).toISOString(),
    on_timeout: live.row.on_timeout,
    hibernate_after_seconds: live.row.hibernate_after_seconds,
    checkpoints: live.row.checkpoints,
  }
}
