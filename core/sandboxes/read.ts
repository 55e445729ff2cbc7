// Get, list, and the figures of a sandbox's machine.

import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import type { MachineStats } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { listSandboxes } from '@pandastack/db/tables/sandboxes.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { conflict } from '../refusals.ts'
import { owned } from './owned.ts'
import { toSandbox } from './shape.ts'

export const get = async (ctx: Context, caller: Caller, id: string): Promise<Sandbox> =>
  toSandbox(await owned(ctx, caller, id), ctx.clock)

/** Newest first. */
export const list = async (ctx: Context, caller: Caller): Promise<Sandbox[]> => {
  const rows = await listSandboxes(ctx.db, caller.projectId, ctx.settings.listMax)
  return rows
    .map((row) => ctx.registry.put(row))
    .filter((live) => !live.ending)
    .map((live) => toSandbox(live, ctx.clock))
}

export const stats = async (ctx: Context, caller: Caller, id: string): Promise<MachineStats> => {
  const { row } = await owned(ctx, caller, id)
  const found = await ctx.hosts.link(row.host).host.stats(row.machine_id)
  if (!found) throw conflict(`the sandbox is ${row.status}`)
  return found
}
