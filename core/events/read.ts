// Events of a sandbox, past and to come. They stay readable for its owner after its end, until they are pruned.

import { isUuid } from '@pandastack/contracts/ids.ts'
import type { Event } from '@pandastack/contracts/http/shapes.ts'
import type { EventRow } from '@pandastack/db/schema.ts'
import { eventsAfter, lastEvents } from '@pandastack/db/tables/events.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { forCaller, notFound } from '../refusals.ts'

const batch = 200
/** A notification can be lost with its connection: look by oneself now and then. */
const lookAgainMs = 5000

export const list = async (
  ctx: Context,
  caller: Caller,
  sandboxId: string,
  tail: number,
): Promise<Event[]> => {
  await checkOwner(ctx, caller, sandboxId)
  return (await lastEvents(ctx.db, sandboxId, tail)).map(toEvent)
}

/** Events later than `afterSeq`, or than now, as they happen. */
export async function* follow(
  ctx: Context,
  caller: Caller,
  sandboxId: string,
  signal: AbortSignal,
  afterSeq?: number,
): AsyncGenerator<Event> {
  try {
    await checkOwner(ctx, caller, sandboxId)
    using subscription = ctx.eventWakers.subscribe(sandboxId)
    let seq = afterSeq ?? (await lastEvents(ctx.db, sandboxId, 1)).at(-1)?.seq ?? 0
    while (!signal.aborted) {
      const rows = await eventsAfter(ctx.db, sandboxId, seq, batch)
      for (const row of rows) {
        seq = row.seq
        if (!signal.aborted) yield toEvent(row)
      }
      if (rows.length < batch) await subscription.wait(lookAgainMs, signal)
    }
  } catch (error) {
    throw forCaller(error)
  }
}

const checkOwner = async (ctx: Context, caller: Caller, sandboxId: string): Promise<void> => {
  const live = isUuid(sandboxId) ? await ctx.registry.find(sandboxId) : null
  if (live?.row.project_id !== caller.projectId) throw notFound()
}

const toEvent = (row: EventRow): Event => ({
  seq: row.seq,
  time: row.time.toISOString(),
  sandbox_id: row.sandbox_id,
  type: row.type,
  payload: row.payload,
})
