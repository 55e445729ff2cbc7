// Compares a host's machines with our rows, both ways, and mends what differs: after a start, when a host answers again,
// and now and then without a reason. The host owns the truth of what runs, the rows own what should run.

import { isOver } from '@pandastack/contracts/states/sandbox.ts'
import type { MachineReport } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { Context } from '../context.ts'
import { drop } from './bring.ts'
import { change } from './change.ts'
import { finish } from './create.ts'
import { end } from './end.ts'
import { tellHost } from './expire.ts'
import { save } from './hibernate.ts'
import { lost } from './lost.ts'
import { observe } from './observe.ts'
import { reconcile, settle } from './reconcile.ts'
import type { Live } from './registry.ts'
import { endOf } from './spec.ts'
import type { HostLink } from '../hosts/hosts.ts'

const atOnce = 8
const patience = { waitMs: 0 }

/** Machines without a sandbox that were seen the last time: only those seen twice are ended. */
export type Suspects = Set<string>

export const repair = async (ctx: Context, link: HostLink, suspects: Suspects): Promise<void> => {
  const before = [...ctx.registry.all()]
    .filter((live) => live.row.host === link.name && !live.busy)
    .map((live) => ({ live, version: live.row.version }))
  const reports = await link.host.machines()
  const byMachine = new Map(reports.map((report) => [report.machineId, report]))
  await eachOf(reports, (report) => takeReport(ctx, link, report, suspects))
  await eachOf(before, async ({ live, version }) => {
    if (live.busy) return
    const report = byMachine.get(live.row.machine_id)
    await dropLeftover(ctx, live)
    if (live.abandoned) await endAbandoned(ctx, live)
    else if (live.row.status === 'creating') resumeCreate(ctx, live)
    else if (report) await mend(ctx, live, report)
    else if (live.row.version === version) await withoutMachine(ctx, live)
  })
}

/** One report, from the stream or from a comparison. */
export const takeReport = async (
  ctx: Context,
  link: HostLink,
  report: MachineReport,
  suspects?: Suspects,
): Promise<void> => {
  const live = await observe(ctx, report)
  // What was saved is on disk and in the row.
  if (live?.row.status === 'hibernated' && report.state === 'saved') await link.host.forget(report.machineId)
  if (live && !isOver(live.row.status)) return
  // No sandbox of ours wants this machine.
  const ended = report.state === 'gone' || report.state === 'failed' || report.state === 'saved'
  if (live && ended && !live.row.settled) await settle(ctx, live)
  else if (ended) await link.host.forget(report.machineId)
  else if (suspects?.has(report.machineId)) {
    ctx.measures.strays.inc()
    ctx.log.warn(
      { machine: report.machineId, host: link.name },
      'ending a machine that belongs to no sandbox',
    )
    await link.host.ensure(endOf(report), patience)
  } else suspects?.add(report.machineId)
}

/** A machine that is not as its row wants it. */
const mend = async (ctx: Context, live: Live, report: MachineReport): Promise<void> => {
  const { row } = live
  if (isOver(row.status) || row.status === 'hibernated') return
  if (row.desired === 'hibernated') {
    // Nobody waits for it, or whoever does shares this.
    if (!live.saving) ctx.background.run('go on hibernating', () => save(ctx, live))
  } else if (report.state !== row.desired) await reconcile(ctx, live, patience)
  else if (live.hostExpiresMs === null) await tellHost(ctx, live)
}

/** A machine that was to take over when our predecessor died, or could not be ended when it did not come. */
const dropLeftover = async (ctx: Context, live: Live): Promise<void> => {
  const { coming_machine_id: coming } = live.row
  if (coming !== null && !live.bringing) await drop(ctx, live, coming, 'nobody waited for it any more')
}

/** A create that this process did not begin, or lost: whoever left a key can still come for the answer. */
const resumeCreate = (ctx: Context, live: Live): void => {
  live.busy = true
  ctx.background.run('finish a create', () => finish(ctx, live))
}

const endAbandoned = async (ctx: Context, live: Live): Promise<void> => {
  await end(ctx, live, 'create_abandoned', patience)
  live.abandoned = false
}

/** A row whose machine its host does not know. */
const withoutMachine = async (ctx: Context, live: Live): Promise<void> => {
  await change(ctx, live.row.id, (row) => {
    const decision = lost(row)
    return decision && { ...decision, change: { ...decision.change, settled: true } }
  })
}

const eachOf = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const rest = items.values()
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
