// Pause and resume: the machine's processors stop and go on. Asking for what is so already is answered at once. To resume
// a hibernated sandbox is to wake it.

import { PandaError } from '@pandastack/contracts/errors.ts'
import { next } from '@pandastack/contracts/states/sandbox.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { conflict } from '../refusals.ts'
import { change, nextIntent } from './change.ts'
import { owned } from './owned.ts'
import { reconcile } from './reconcile.ts'
import { markUsed } from './registry.ts'
import { awake } from './awake.ts'

export const pause = (ctx: Context, caller: Caller, id: string): Promise<void> =>
  become(ctx, caller, id, { signal: 'pause', desired: 'paused' })

export const resume = async (ctx: Context, caller: Caller, id: string): Promise<void> => {
  const live = await owned(ctx, caller, id)
  if (live.row.status === 'hibernated') await awake(ctx, live)
  else await become(ctx, caller, id, { signal: 'resume', desired: 'running' })
}

interface Wish {
  signal: 'pause' | 'resume'
  desired: 'running' | 'paused'
}

const become = async (ctx: Context, caller: Caller, id: string, { signal, desired }: Wish): Promise<void> => {
  const live = await owned(ctx, caller, id)
  await change(ctx, id, (row) => {
    const step = next(row.status, signal)
    if ('refused' in step) throw conflict(step.refused)
    if (row.desired === 'hibernated') throw conflict('the sandbox is being hibernated')
    return row.desired === desired ? null : { change: { desired, intent: nextIntent(live) } }
  })
  markUsed(live, ctx.clock)
  if (live.row.status === desired) return
  const after = await reconcile(ctx, live, { waitMs: ctx.settings.changeWaitMs })
  if (after.row.status === desired) return
  if ('refused' in next(after.row.status, signal)) throw conflict(`the sandbox is ${after.row.status}`)
  throw new PandaError('unavailable', `the sandbox is not ${desired} yet`, { retryAfterSeconds: 2 })
}
