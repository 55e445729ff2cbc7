// The answer to a repeated create whose first request has not stored one: what became of its sandbox.

import { PandaError } from '@pandastack/contracts/errors.ts'
import { isOver } from '@pandastack/contracts/states/sandbox.ts'
import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import { releaseKey, storeAnswer } from '@pandastack/db/tables/idempotency.ts'
import type { Context } from '../context.ts'
import type { KeyedRequest } from '../operations/idempotency.ts'
import { toSandbox } from './shape.ts'

const lookAgainMs = 500

/** Null when the first request came to nothing and its key is free again. Waits while it is at work. */
export const answerOfCreate = async (
  ctx: Context,
  keyed: KeyedRequest,
  resourceId: string | null,
): Promise<Sandbox | null> => {
  const deadlineMs = ctx.clock.monotonicMs() + ctx.settings.createWaitMs
  for (;;) {
    const live = resourceId === null ? null : await ctx.registry.find(resourceId)
    if (!live || live.ending || isOver(live.row.status)) {
      await releaseKey(ctx.db, keyed.projectId, keyed.key)
      return null
    }
    if (live.row.status !== 'creating') {
      const sandbox = toSandbox(live, ctx.clock)
      await storeAnswer(ctx.db, keyed.projectId, keyed.key, 201, sandbox)
      return sandbox
    }
    if (ctx.clock.monotonicMs() > deadlineMs)
      throw new PandaError('conflict', 'the first request with this Idempotency-Key is still at work', {
        retryAfterSeconds: 1,
      })
    await ctx.registry.changed(live.row.id, lookAgainMs)
  }
}
