// What a host is told of a sandbox's machine: always all of it.

import { randomBytes } from 'node:crypto'
import { findTemplate } from '@pandastack/contracts/catalogue.ts'
import type { MachineReport, MachineSpec } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { Context } from '../context.ts'
import type { Live } from './registry.ts'
import { expiresAtWallMs } from './use.ts'

export const specOf = (live: Live, ctx: Context): MachineSpec => {
  const { row, secrets } = live
  return {
    machineId: row.machine_id,
    sandboxId: row.id,
    intent: live.intent,
    desired: row.desired === 'hibernated' ? 'saved' : row.desired,
    ...(row.desired === 'hibernated' && row.hibernation !== null && { saveAs: row.hibernation }),
    source: sourceOf(live),
    resources: { cpu: row.cpu, memoryMb: row.memory_mb, diskMb: row.disk_mb },
    hostname: hostnameOf(row.id),
    env: secrets.env,
    guestToken: secrets.guestToken,
    expiresAtUnixMs: hostDeadline(live, ctx),
  }
}

/** The machine that is to take the place of the one it has. */
export const comingSpecOf = (live: Live, ctx: Context, machineId: string): MachineSpec => {
  const { row } = live
  const endsByItself = !row.persistent && row.on_timeout === 'delete'
  const ttlMs = row.ttl_seconds * 1000 + ctx.settings.createWaitMs
  return {
    ...specOf(live, ctx),
    machineId,
    desired: 'running',
    expiresAtUnixMs: endsByItself ? ctx.clock.wallMs() + ttlMs : null,
  }
}

const sourceOf = ({ row, secrets }: Live): MachineSpec['source'] => {
  const template = findTemplate(row.template)?.name ?? row.template
  return secrets.source ? { kind: 'snapshot', template, ...secrets.source } : { kind: 'template', template }
}

/** A machine that is still being made has its whole TTL before it, whenever that is done. */
const hostDeadline = (live: Live, ctx: Context): number | null => {
  // It would end what is to be hibernated.
  if (live.row.on_timeout === 'hibernate') return null
  const atMs = expiresAtWallMs(live, ctx.clock)
  return atMs !== null && live.row.status === 'creating' ? atMs + ctx.settings.createWaitMs : atMs
}

/** The end of a machine that belongs to no sandbox of ours: only its id and an intent above all before matter. */
export const endOf = (report: Pick<MachineReport, 'machineId' | 'sandboxId' | 'intent'>): MachineSpec => ({
  machineId: report.machineId,
  sandboxId: report.sandboxId,
  intent: Math.max(report.intent, 0) + 1,
  desired: 'gone',
  source: { kind: 'template', template: 'base' },
  resources: { cpu: 1, memoryMb: 128, diskMb: 128 },
  hostname: hostnameOf(report.sandboxId),
  env: {},
  guestToken: randomBytes(32).toString('hex'),
  expiresAtUnixMs: null,
})

const hostnameOf = (id: string): string => `sandbox-${id.slice(0, 8)}`
