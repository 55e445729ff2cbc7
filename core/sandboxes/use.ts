// Idleness. A sandbox that is not persistent ends, or is hibernated, `ttl_seconds` after its last use; open streams count
// as use. One that hibernates when idle does so when nothing inside was at work either. Hibernated, its time stands still.
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

const sleeps = ({ row }: Live): boolean => row.status === 'hibernated' || row.desired === 'hibernated'

/** Monotonic; infinite for a sandbox that never expires. */
export const expiresMs = (live: Live, nowMs: number): number =>
  live.row.persistent || sleeps(live) ? Infinity : (inUse(live) ? nowMs : live.lastUsedMs) + ttlMs(live)

export const expiresAtWallMs = (live: Live, clock: Clock): number | null => {
  const nowMs = clock.monotonicMs()
  const atMs = expiresMs(live, nowMs)
  return atMs === Infinity ? null : Math.round(clock.wallMs() + atMs - nowMs)
}

export const idleSeconds = (live: Live, clock: Clock): number =>
  inUse(live) ? 0 : Math.max(0, Math.floor((clock.monotonicMs() - live.lastUsedMs) / 1000))

/** When it is hibernated because nothing happens; infinite: never. */
export const idleAtMs = (live: Live, nowMs: number): number => {
  const { hibernate_after_seconds: afterSeconds, status } = live.row
  if (afterSeconds === null || status !== 'running' || sleeps(live)) return Infinity
  const lastMs = inUse(live) ? nowMs : Math.max(live.lastUsedMs, live.activeMs)
  return lastMs + afterSeconds * 1000
}

/** When the host ends the machine by itself, as far as that matters; null when it has none or was told before our start. */
const toldMs = (live: Live): number | null =>
  // What it was told before our start is told again by the first comparison with it, not here: a host that has lost
  // the machine would take the telling for a wish to make it.
  live.row.status === 'running' || live.row.status === 'paused' ? live.hostExpiresMs : null

/** The host would end the machine earlier than is right, and should be told now. */
export const hostIsBehind = (live: Live, nowMs: number): boolean => {
  const atMs = toldMs(live)
  if (atMs === null || expiresMs(live, nowMs) <= atMs + sameMs) return false
  return live.row.persistent || atMs - nowMs <= ttlMs(live) / 2
}

/** How long until this sandbox needs a look: to end it, or to tell the host. Null: never. */
export const nextLookMs = (live: Live, nowMs: number): number | null => {
  if (hostIsBehind(live, nowMs)) return 0
  const halfMs = (toldMs(live) ?? -Infinity) - ttlMs(live) / 2
  const dueMs = Math.min(expiresMs(live, nowMs), idleAtMs(live, nowMs))
  const lookMs = nowMs < halfMs ? Math.min(halfMs, dueMs) : dueMs
  return lookMs === Infinity ? null : Math.max(0, lookMs - nowMs)
}

/** Sets the deadline of the next look anew. To be called whenever what it depends on has changed. */
export const rearm = (ctx: Pick<Context, 'clock' | 'deadlines'>, live: Live): void => {
  const inMs = live.row.deleted_at === null ? nextLookMs(live, ctx.clock.monotonicMs()) : null
  if (inMs === null) ctx.deadlines.delete(live.row.id)
  else ctx.deadlines.set(live.row.id, inMs)
}
