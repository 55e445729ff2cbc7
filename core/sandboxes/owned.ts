// The sandbox of a caller, or not_found: for unknown, malformed, ended and foreign ids alike.

import { isUuid } from '@pandastack/contracts/ids.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { notFound } from '../refusals.ts'
import type { Live } from './registry.ts'

export const owned = async (ctx: Context, caller: Caller, id: string): Promise<Live> => {
  const live = await known(ctx, id)
  if (live.row.project_id !== caller.projectId) throw notFound()
  return live
}

/** By id alone. */
export const known = async (ctx: Context, id: string): Promise<Live> => {
  if (!isUuid(id)) throw notFound()
  const live = ctx.registry.peek(id) ?? (await ctx.registry.find(id))
  if (!live || live.row.deleted_at !== null || live.ending) throw notFound()
  return live
}
