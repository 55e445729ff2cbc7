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
    const known = await replay(ctx, keyed, async () => null)
    if (known) return known as Answer
    const first = ctx.underWay.get(place)
    if (first) await settled(ctx, first)
    else {
      // Known to others before the first wait, so that nobody takes a key just claimed for one that was left behind.
      const doing = perform(ctx, keyed, status, work)
      const mine = doing.then(
        () => undefined,
        () => undefined,
      )
      ctx.underWay.set(place, mine)
      void mine.finally(() => ctx.underWay.delete(place))
      const answer = await doing
      if (answer) return answer
    }
  }
}

/** Null when the key turned out to be taken. */
const perform = async (
  ctx: Context,
  { projectId, key, hash }: KeyedRequest,
  status: number,
  work: () => Promise<Answer>,
): Promise<Answer | null> => {
  // Whoever has claimed it without an answer, and is not at work here, has died.
  await releaseKey(ctx.db, projectId, key)
  if (!(await claimKey(ctx.db, { projectId, key, requestHash: hash, resourceId: null }))) return null
  try {
    const answer = await work()
    await storeAnswer(ctx.db, projectId, key, status, answer)
    return answer
  } catch (error) {
    await releaseKey(ctx.db, projectId, key).catch(() => undefined)
    throw error
  }
}

const settled = async (ctx: Context, first: Promise<void>): Promise<void> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(
      new PandaError('conflict', 'the first request with this Idempotency-Key is still at work', {
        retryAfterSeconds: 1,
      }),
    )
  }, ctx.settings.createWaitMs)
  try {
    await Promise.race([first, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
