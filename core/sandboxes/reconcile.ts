// The one function that acts on a sandbox: tells its host what the row wants and stores the answer. Called by the
// request path, by reports and by the repair timer; repeating it is harmless.

import { isOver } from '@pandastack/contracts/states/sandbox.ts'
import type { MachineReport, MachineSpec } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { failpoint } from '@pandastack/kit/failpoint/failpoint.ts'
import type { SandboxRow } from '@pandastack/db/schema.ts'
import type { Context } from '../context.ts'
import { HostRefused, HostUnreachable } from '../ports/host-port.ts'
import type { HostLink } from '../hosts/hosts.ts'
import { change, nextIntent } from './change.ts'
import { lost } from './lost.ts'
import { observe } from './observe.ts'
import type { Live } from './registry.ts'
import { endOf, specOf } from './spec.ts'
import { rearm } from './use.ts'

/** Beyond the time for which the host was asked to wait: for its answer to arrive. */
export const answerSlackMs = 1000

export interface Patience {
  waitMs: number
  signal?: AbortSignal
}

/** The sandbox after the host's answer. Throws `HostUnreachable` when there is none. */
export const reconcile = async (ctx: Context, live: Live, patience: Patience): Promise<Live> => {
  if (isOver(live.row.status)) return settle(ctx, live)
  // There is no machine to ask for.
  if (live.row.status === 'hibernated') return live
  const link = ctx.hosts.link(live.row.host)
  const known = live.row
  const report = await ask(ctx, link, live, patience)
  if (!report) return live
  if (isNotOurs(known, report)) return madeAnew(ctx, link, live, report)
  const after = (await observe(ctx, report)) ?? live
  if (isOver(after.row.status)) ctx.background.run('settle', () => settle(ctx, after))
  return after
}

/** Null when a later wish has overtaken this one. */
const ask = async (
  ctx: Context,
  link: HostLink,
  live: Live,
  patience: Patience,
): Promise<MachineReport | null> => {
  const spec = specOf(live, ctx)
  try {
    await failpoint('reconcile.before-ensure')
    const report = await link.host.ensure(spec, patience)
    await failpoint('reconcile.after-ensure')
    noteTold(ctx, live, spec)
    return report
  } catch (error) {
    if (error instanceof HostUnreachable) ctx.measures.hostUnreachable.inc()
    if (!(error instanceof HostRefused) || error.code !== 'stale_intent') throw error
    if (live.intent > spec.intent) return null
    // The host remembers more than we stored, because we died between asking and storing: ask above that, once.
    const reports = await link.host.machines()
    live.intent = reports.find((report) => report.machineId === spec.machineId)?.intent ?? live.intent
    live.intent = nextIntent(live)
    return link.host.ensure(specOf(live, ctx), patience)
  }
}

/** Generations only rise. Else the host had lost the machine and has made an empty one in its place. */
const isNotOurs = (known: SandboxRow, report: MachineReport): boolean =>
  report.generation < known.generation ||
  (report.generation === known.generation && report.state !== known.status && known.status !== 'stopping')

const madeAnew = async (ctx: Context, link: HostLink, live: Live, report: MachineReport): Promise<Live> => {
  const after = await change(ctx, live.row.id, lost)
  await link.host.ensure(endOf({ ...report, intent: live.intent }), { waitMs: 0 })
  return after
}

/** The host knows when to end the machine by itself. */
export const noteTold = (ctx: Context, live: Live, spec: MachineSpec): void => {
  const at = spec.expiresAtUnixMs
  live.hostExpiresMs = at === null ? Infinity : ctx.clock.monotonicMs() + at - ctx.clock.wallMs()
  rearm(ctx, live)
}

/** Lets the host forget a machine whose end is stored. Null: nothing to do. */
export const settle = async (ctx: Context, live: Live): Promise<Live> => {
  if (live.row.settled || !isOver(live.row.status)) return live
  const link = ctx.hosts.link(live.row.host)
  link.guest.release(live.row.machine_id)
  await link.host.forget(live.row.machine_id)
  return change(ctx, live.row.id, (row) =>
    row.settled || !isOver(row.status) ? null : { change: { settled: true } },
  )
}
