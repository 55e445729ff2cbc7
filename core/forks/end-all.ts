// Children of one operation, and their end.

import type { Promoted } from '@pandastack/contracts/http/snapshots.ts'
import type { Context } from '../context.ts'
import { forCaller } from '../refusals.ts'
import { end } from '../sandboxes/end.ts'
import type { Live } from '../sandboxes/registry.ts'

const endWaitMs = 10_000

/** Those that live and still belong to it. */
export const childrenOf = (ctx: Context, operationId: string): Live[] =>
  [...ctx.registry.all()].filter(({ row }) => row.operation_id === operationId && row.deleted_at === null)

export const endAll = async (
  ctx: Context,
  ending: readonly Live[],
): Promise<Pick<Promoted, 'deleted' | 'failures'>> => {
  const ends = await Promise.allSettled(
    ending.map((live) => end(ctx, live, 'requested', { waitMs: endWaitMs })),
  )
  const deleted: string[] = []
  const failures: Record<string, string> = {}
  for (const [place, { row }] of ending.entries()) {
    const done = ends[place]
    if (done?.status === 'rejected') failures[row.id] = String((forCaller(done.reason) as Error).message)
    else deleted.push(row.id)
  }
  return { deleted, failures }
}
