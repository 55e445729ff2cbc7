// Whether programs inside are at work, for sandboxes that hibernate when nothing happens: told by the processor time that
// their machine has taken since the last look. Health polls and readings of rows leave no trace there.

import type { Context } from '../context.ts'
import type { Live } from './registry.ts'
import { rearm } from './use.ts'

export const lookForActivity = async (ctx: Context, sinceMs: number): Promise<void> => {
  const watched = [...ctx.registry.all()].filter(
    ({ row, ending }) => row.hibernate_after_seconds !== null && row.status === 'running' && !ending,
  )
  await Promise.all(watched.map((live) => look(ctx, live, sinceMs)))
}

const look = async (ctx: Context, live: Live, sinceMs: number): Promise<void> => {
  const { machine_id: machineId } = live.row
  const stats = await ctx.hosts.link(live.row.host).host.stats(machineId)
  if (!stats || live.row.machine_id !== machineId) return
  const before = live.cpuSeconds
  live.cpuSeconds = stats.cpuSeconds
  // A machine that is new has taken less than the one before it.
  if (before === null || stats.cpuSeconds < before) return
  const share = (stats.cpuSeconds - before) / (sinceMs / 1000)
  if (share < ctx.settings.activeShare) return
  live.activeMs = ctx.clock.monotonicMs()
  rearm(ctx, live)
}
