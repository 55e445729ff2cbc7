// Declared ports: a label for people, and whether strangers may come in through the edge.

import { deletePort, listPorts, putPort } from '@pandastack/db/tables/sandbox-ports.ts'
import type { DeclaredPort } from '@pandastack/db/tables/sandbox-ports.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { invalid, notFound } from '../refusals.ts'
import { isStorable } from '../text.ts'
import { change } from './change.ts'
import { owned } from './owned.ts'
import type { Live } from './registry.ts'

export const declaredPorts = async (ctx: Context, caller: Caller, id: string): Promise<DeclaredPort[]> =>
  portsOf(ctx, await owned(ctx, caller, id))

/** From memory after the first time; forgotten with each change of the row. */
export const portsOf = async (ctx: Context, live: Live): Promise<DeclaredPort[]> => {
  if (live.ports) return live.ports
  const { version } = live.row
  const ports = await listPorts(ctx.db, live.row.id)
  if (live.row.version === version) live.ports = ports
  return ports
}

/** Declares a port, or withdraws it when the entry is null. */
export const setPort = async (
  ctx: Context,
  caller: Caller,
  id: string,
  port: number,
  entry: { label: string; public: boolean } | null,
): Promise<void> => {
  const live = await owned(ctx, caller, id)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid('port must be between 1 and 65535')
  if (entry === null) {
    if (!(await deletePort(ctx.db, id, port))) throw notFound()
  } else {
    if (!isStorable(entry.label)) throw invalid('label has text that is not valid Unicode or has a NUL')
    const ports = await listPorts(ctx.db, id)
    if (ports.length >= ctx.settings.portsMax && !ports.some((known) => known.port === port))
      throw invalid(`a sandbox has at most ${ctx.settings.portsMax} declared ports`)
    await putPort(ctx.db, id, { port, ...entry })
  }
  live.ports = null
  // A new version of the row tells other processes.
  await change(ctx, id, () => ({ change: {} }))
}
