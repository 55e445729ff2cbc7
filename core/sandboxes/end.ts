// The end of a sandbox, for whatever reason: stored first, then done.

import { next } from '@pandastack/contracts/states/sandbox.ts'
import type { Context } from '../context.ts'
import { change, nextIntent } from './change.ts'
import { reconcile } from './reconcile.ts'
import type { Patience } from './reconcile.ts'
import type { Live } from './registry.ts'

export type EndReason = 'requested' | 'expired' | 'create_failed' | 'create_abandoned'

/** Throws when the end could not be stored. Once it is, the rest is repaired until it has happened. */
export const end = async (ctx: Context, live: Live, reason: EndReason, patience: Patience): Promise<Live> => {
  const signal = reason === 'expired' ? 'expire' : 'remove'
  let first = false
  const ending = await change(ctx, live.row.id, (row) => {
    first = false
    const step = next(row.status, signal)
    if (row.deleted_at !== null || !('to' in step)) return null
    first = true
    return {
      change: {
        status: step.to,
        desired: 'gone',
        intent: nextIntent(live),
        deleted_at: new Date(ctx.clock.wallMs()),
      },
      events: [{ type: 'sandbox.deleted', payload: { reason } }],
    }
  })
  if (first) ctx.measures.ended.inc({ reason })
  try {
    return await reconcile(ctx, ending, patience)
  } catch (err) {
    ctx.log.warn({ err, sandbox: live.row.id }, 'the machine of an ended sandbox is still to be removed')
    return ending
  }
}
