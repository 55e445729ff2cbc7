// Work under an Idempotency-Key, for verbs whose answer is stored when they are done. While the first request is at work
// in this process the second waits for it; when the first came to nothing the key is free again.

import { PandaError } from '@pandastack/contracts/errors.ts'
import { claimKey, releaseKey, storeAnswer } from '@pandastack/db/tables/idempotency.ts'
import type { Context } from '../context.ts'
import { checkKey, replay, requestHash } from './idempotency.ts'
import type { KeyedRequest } from './idempotency.ts'

export interface Once {
  projectId: string
  /** Undefined: nobody can come back for the answer. */
  key: string | undefined
  verb: string
  input: unknown
}

type Answer = Record<string, unknown>

export const once = async (
  ctx: Context,
  request: Once,
  status: number,
  work: () => Promise<Answer>,
): Promise<Answer> => {
  const { projectId, key, verb, input } = request
  if (key === undefined) return work()
  checkKey(key)
  const keyed: KeyedRequest = { projectId, key, hash: requestHash(verb, input) }
  const place = `${projectId} ${key}`
  for (;;) {
    const known = await replay(ctx, keyed, () => awaitFirst(ctx, keyed, place))
    if (known) return known as Answer
    const claim = { projectId, key, requestHash: keyed.hash, resourceId: null }
    if (!(await claimKey(ctx.db, claim))) continue
    const doing = perform(ctx, keyed, status, work)
    ctx.underWay.set(place, doing)
    // Here alone its failure is of no interest.
    void doing.catch(() => undefined).finally(() => ctx.underWay.delete(place))
    return doing
  }
}

const perform = async (
  ctx: Context,
  { projectId, key }: KeyedRequest,
  status: number,
  work: () => Promise<Answer>,
): Promise<Answer> => {
  try {
    const answer = await work()
    await storeAnswer(ctx.db, projectId, key, status, answer)
    return answer
  } catch (error) {
    await releaseKey(ctx.db, projectId, key).catch(() => undefined)
    throw error
  }
}

/** The answer of the request that is at work; null when it came to nothing or its process died. */
const awaitFirst = async (ctx: Context, keyed: KeyedRequest, place: string): Promise<Answer | null> => {
  const first = ctx.underWay.get(place)
  if (!first) {
    await releaseKey(ctx.db, keyed.projectId, keyed.key)
    return null
  }
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(
      new PandaError('conflict', 'the first request with this Idempotency-Key is still at work', {
        retryAfterSeconds: 1,
      }),
    )
  }, ctx.settings.createWaitMs)
  try {
    return await Promise.race([first.catch(() => null), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
