// API keys of a project. A key is shown once; what is stored is its hash. A repeated request with the same
// Idempotency-Key gets the same key again without its having been stored: it is derived from our secret then.

import { createHmac } from 'node:crypto'
import { apiKeyPrefix, newApiKey } from '@pandastack/contracts/ids.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { Token } from '@pandastack/contracts/http/shapes.ts'
import { isDuplicate } from '@pandastack/db/errors.ts'
import type { Db, TokenRow } from '@pandastack/db/schema.ts'
import { claimKey, storeAnswer } from '@pandastack/db/tables/idempotency.ts'
import {
  countTokens,
  findTokenByPrefix,
  insertToken,
  listTokens,
  revokeToken,
} from '@pandastack/db/tables/tokens.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { checkKey, replay, requestHash } from '../operations/idempotency.ts'
import type { KeyedRequest } from '../operations/idempotency.ts'
import { invalid, notFound } from '../refusals.ts'
import { isStorable } from '../text.ts'
import { hashOfKey } from './key-cache.ts'

export type TokenWish = { label: string; expires_in_days?: number | undefined }
export type NewKey = Token & { token: string }

export const list = async (ctx: Context, caller: Caller): Promise<Token[]> =>
  (await listTokens(ctx.db, caller.projectId)).map(toToken)

export const revoke = async (ctx: Context, caller: Caller, prefix: string): Promise<void> => {
  if (!isStorable(prefix) || !(await revokeToken(ctx.db, caller.projectId, prefix))) throw notFound()
  ctx.keys.clear()
}

export const create = async (
  ctx: Context,
  caller: Caller,
  wish: TokenWish,
  options: { idempotencyKey?: string },
): Promise<NewKey> => {
  if (!isStorable(wish.label)) throw invalid('label has text that is not valid Unicode or has a NUL')
  if ((await countTokens(ctx.db, caller.projectId)) >= ctx.settings.tokensMax)
    throw new PandaError('quota_exceeded', `a project has at most ${ctx.settings.tokensMax} keys`)
  return options.idempotencyKey === undefined
    ? mint(ctx, caller, wish)
    : mintOnce(ctx, caller, wish, options.idempotencyKey)
}

const attemptsMax = 5

const mint = async (ctx: Context, caller: Caller, wish: TokenWish): Promise<NewKey> => {
  for (let attempt = 1; ; attempt++) {
    const key = newApiKey()
    try {
      return { ...toToken(await insert(ctx.db, ctx, caller, wish, key)), token: key }
    } catch (error) {
      // Two keys in four thousand million share a prefix.
      if (!isDuplicate(error) || attempt === attemptsMax) throw error
    }
  }
}

const mintOnce = async (ctx: Context, caller: Caller, wish: TokenWish, key: string): Promise<NewKey> => {
  checkKey(key)
  const keyed: KeyedRequest = { projectId: caller.projectId, key, hash: requestHash('create token', wish) }
  for (;;) {
    const known = (await replay(ctx, keyed, async () => null)) as { nonce: string } | null
    if (known) return again(ctx, keyed, known.nonce)
    const nonce = newApiKey()
    const token = derive(ctx, keyed, nonce)
    const row = await ctx.db.transaction().execute(async (tx) => {
      const claim = { projectId: keyed.projectId, key, requestHash: keyed.hash, resourceId: null }
      if (!(await claimKey(tx, claim))) return null
      await storeAnswer(tx, keyed.projectId, key, 200, { nonce })
      return insert(tx, ctx, caller, wish, token)
    })
    if (row) return { ...toToken(row), token }
  }
}

const again = async (ctx: Context, keyed: KeyedRequest, nonce: string): Promise<NewKey> => {
  const token = derive(ctx, keyed, nonce)
  const row = await findTokenByPrefix(ctx.db, apiKeyPrefix(token))
  if (!row) throw notFound()
  return { ...toToken(row), token }
}

const derive = (ctx: Context, keyed: KeyedRequest, nonce: string): string => {
  const mac = createHmac('sha256', ctx.settings.secret)
  mac.update(`api key\n${keyed.projectId}\n${keyed.key}\n${nonce}`)
  return `pds_${mac.digest('hex').slice(0, 32)}`
}

const insert = (db: Db, ctx: Context, caller: Caller, wish: TokenWish, key: string): Promise<TokenRow> =>
  insertToken(db, {
    prefix: apiKeyPrefix(key),
    projectId: caller.projectId,
    hash: hashOfKey(key),
    label: wish.label,
    expiresAt:
      wish.expires_in_days === undefined
        ? null
        : new Date(ctx.clock.wallMs() + wish.expires_in_days * 86_400_000),
  })

const toToken = (row: TokenRow): Token => ({
  prefix: row.prefix,
  label: row.label,
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at?.toISOString() ?? null,
})
