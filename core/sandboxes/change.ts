// How a row changes: decide on what is known, store under the version it was decided on, decide again when somebody was
// quicker. The decision must be pure but for reading the row. An event goes with the change in the same statement.

import { changeSandbox, findSandbox } from '@pandastack/db/tables/sandboxes.ts'
import type { NewEvent } from '@pandastack/db/tables/sandboxes.ts'
import type { SandboxChange, SandboxRow } from '@pandastack/db/schema.ts'
import type { Context } from '../context.ts'
import { conflict, notFound } from '../refusals.ts'
import type { Live } from './registry.ts'

export interface Decision {
  change: SandboxChange
  events?: NewEvent[]
}

const attemptsMax = 8

/** Returns the entry with the row as stored; unchanged when the decision is null. Throws not_found for unknown ids. */
export const change = async (
  ctx: Context,
  id: string,
  decide: (row: SandboxRow, live: Live) => Decision | null,
): Promise<Live> => {
  const live = await ctx.registry.find(id)
  if (!live) throw notFound()
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const decision = decide(live.row, live)
    if (!decision) return live
    const stored = await changeSandbox(ctx.db, id, live.row.version, decision.change, decision.events ?? [])
    if (stored) return ctx.registry.put(stored)
    const fresh = await findSandbox(ctx.db, id)
    if (!fresh) throw notFound()
    ctx.registry.put(fresh)
  }
  throw conflict('the sandbox is being changed by somebody else; try again')
}

/** The next number for a new wish to the host. */
export const nextIntent = (live: Live): number => Math.max(live.intent, live.row.intent) + 1
