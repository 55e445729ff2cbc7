// The only door up: what a host says of a machine becomes the row's state and an event. A report that is not newer
// than what the row already reflects changes nothing, so repeats and stragglers are harmless.

import { next } from '@pandastack/contracts/states/sandbox.ts'
import type { SandboxSignal } from '@pandastack/contracts/states/sandbox.ts'
import type { MachineReport } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { SandboxStatus } from '@pandastack/contracts/http/shapes.ts'
import type { SandboxChange, SandboxRow } from '@pandastack/db/schema.ts'
import type { NewEvent } from '@pandastack/db/tables/sandboxes.ts'
import type { Context } from '../context.ts'
import { change } from './change.ts'
import type { Decision } from './change.ts'
import { decideComing } from './observe-coming.ts'
import type { Live } from './registry.ts'
import { factsOf, failureOf } from './report.ts'

/** The sandbox as it is now, or null when the machine is not the one of any sandbox. */
export const observe = async (ctx: Context, report: MachineReport): Promise<Live | null> => {
  const live = await ctx.registry.find(report.sandboxId)
  const isOurs = (row: SandboxRow): boolean =>
    row.machine_id === report.machineId || row.coming_machine_id === report.machineId
  if (!live || !isOurs(live.row)) return null
  live.intent = Math.max(live.intent, report.intent)
  live.saveFailure = report.saveFailure ?? null
  const before = live.row.status
  const after = await change(ctx, live.row.id, (row) => decide(row, report, new Date(ctx.clock.wallMs())))
  if (before !== after.row.status && report.reason) ctx.measures.ended.inc({ reason: report.reason })
  return after
}

const signals: Record<MachineReport['state'], SandboxSignal | null> = {
  starting: null,
  running: 'machineRunning',
  paused: 'machinePaused',
  stopping: null,
  saving: null,
  saved: 'machineSaved',
  gone: 'machineGone',
  failed: 'machineFailed',
}

/** What a report makes of a row: pure. */
export const decide = (row: SandboxRow, report: MachineReport, now: Date): Decision | null => {
  if (report.machineId === row.coming_machine_id) return decideComing(row, report)
  if (report.machineId !== row.machine_id || report.generation <= row.generation) return null
  const ended = report.state === 'gone' || report.state === 'failed'
  const signal = ended && report.reason === 'expired' ? 'machineExpired' : signals[report.state]
  if (!signal) return null
  const step = next(row.status, signal)
  if (!('to' in step)) return null
  const change: SandboxChange = { status: step.to, generation: report.generation, ...factsOf(report) }
  if (step.to === 'hibernated') change.desired = 'hibernated'
  if (wasNotSaved(row, report)) {
    change.desired = step.to === 'paused' ? 'paused' : 'running'
    change.hibernation = null
  }
  if (step.to === 'deleted') {
    change.deleted_at = row.deleted_at ?? now
    change.desired = 'gone'
  }
  if (step.to === 'failed') {
    change.desired = 'gone'
    change.failure = row.failure ?? failureOf(report)
    change.failure_reason = row.failure_reason ?? report.reason ?? 'driver_died'
    // It died before it was saved: what was begun of the snapshot is of no use.
    change.hibernation = null
  }
  return { change, events: eventsOf(row, step.to, report) }
}

/** The host has tried what the row wants, and the machine goes on. */
const wasNotSaved = (row: SandboxRow, report: MachineReport): boolean =>
  row.desired === 'hibernated' &&
  row.status !== 'hibernated' &&
  Boolean(report.saveFailure) &&
  report.intent >= row.intent

const eventsOf = (row: SandboxRow, to: SandboxStatus, report: MachineReport): NewEvent[] => {
  if (wasNotSaved(row, report))
    return [{ type: 'sandbox.hibernate_failed', payload: { ...report.saveFailure } }]
  if (to === row.status) return []
  if (to === 'hibernated') return [{ type: 'sandbox.hibernated', payload: {} }]
  if (to === 'running') {
    const type = row.status === 'paused' ? 'sandbox.resumed' : 'sandbox.running'
    return [{ type, payload: { boot_mode: report.bootMode, boot_ms: report.bootMs, tier: report.tier } }]
  }
  if (to === 'paused') return [{ type: 'sandbox.paused', payload: {} }]
  if (to === 'failed')
    return [{ type: 'vm.died', payload: { reason: report.reason, message: failureOf(report) } }]
  // When its owner asked for the end, the event was written then.
  if (to === 'deleted' && row.deleted_at === null)
    return [{ type: 'sandbox.deleted', payload: { reason: 'expired' } }]
  return []
}
