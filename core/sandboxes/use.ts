// Idleness. A sandbox that is not persistent ends `ttl_seconds` after its last use; open streams count as use.
//
// Marks of use live in memory and cost the hot path nothing. The host ends a machine by itself at the time it was last
// told, even when it is cut off from us; it is told again when less than half of the TTL is left of that. Only a
// request in the last moments before the host's deadline waits until the host knows better.

import type { Clock } from '@pandastack/kit/clock/clock.ts'
import type { Context } from '../context.ts'
import type { Live } from './registry.ts'

/** Closer to the host's deadline than this, a request waits until the host has the new one. */
export const guardMs = 1500

/** Two deadlines that are closer to each other than this are the same. */
const sameMs = 50

const ttlMs = (live: Live): number => live.row.ttl_seconds * 1000

const inUse = (live: Live): boolean => live.uses > 0 || live.row.status === 'creating'

/** Monotonic; infinite for a sandbox that never expires. */
export const expiresMs = (live: Live, nowMs: number): number =>
  live.row.persistent ? Infinity : (inUse(live) ? nowMs : live.lastUsedMs) + ttlMs(live)

export const expiresAtWallMs = (live: Live, clock: Clock): number | null => {
  const nowMs = clock.monotonicMs()
  const atMs = expiresMs(live, nowMs)
  return atMs === Infinity ? null : Math.round(clock.wallMs() + atMs - nowMs)
}

export const idleSeconds = (live: Live, clock: Clock): number =>
  inUse(live) ? 0 : Math.max(0, Math.floor((clock.monotonicMs() - live.lastUsedMs) / 1000))

/** The host would end the machine earlier than is right. */
const hostIsEarly = (live: Live, nowMs: number): boolean => {
  const hasMachine = live.row.status === 'running' || live.row.status === 'paused'
  return hasMachine && expiresMs(live, nowMs) > (live.hostExpiresMs ?? nowMs) + sameMs
}

/** The host should be told of later use now. */
export const hostIsBehind = (live: Live, nowMs: number): boolean =>
  hostIsEarly(live, nowMs) && (live.row.persistent || (live.hostExpiresMs ?? nowMs) - nowMs < ttlMs(live) / 2)

/** How long until this sandbox needs a look: to end it, or to tell the host. Null: never. */
export const nextLookMs = (live: Live, nowMs: number): number | null => {
  const dueMs = expiresMs(live, nowMs)
  const behindMs = hostIsEarly(live, nowMs) ? (live.hostExpiresMs ?? nowMs) - ttlMs(live) / 2 : Infinity
  const lookMs = Math.min(dueMs, live.row.persistent && behindMs !== Infinity ? nowMs : behindMs)
  return lookMs === Infinity ? null : Math.max(0, lookMs - nowMs)
}

/** Sets the deadline of the next look anew. To be called whenever what it depends on has changed. */
export const rearm = (ctx: Pick<Context, 'clock' | 'deadlines'>, live: Live): void => {
  const inMs = live.row.deleted_at === null ? nextLookMs(live, ctx.clock.monotonicMs()) : null
  if (inMs === null) ctx.deadlines.delete(live.row.id)
  else ctx.deadlines.set(live.row.id, inMs)
}
