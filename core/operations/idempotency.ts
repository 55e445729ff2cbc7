// Idempotency keys: the same key with the same request gets the first answer again, for a day; with another request it
// is refused. The key belongs to the project.

import { createHash } from 'node:crypto'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { findKey } from '@pandastack/db/tables/idempotency.ts'
import type { Context } from '../context.ts'
import { invalid } from '../refusals.ts'

export interface KeyedRequest {
  projectId: string
  key: string
  hash: string
}

const keyLengthMax = 255

export const checkKey = (key: string): void => {
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > keyLengthMax)
    throw invalid(`Idempotency-Key must be 1 to ${keyLengthMax} printable ASCII characters`)
}

/** The same for the same request, however its JSON was ordered. */
export const requestHash = (verb: string, input: unknown): string =>
  createHash('sha256')
    .update(`${verb}\n${ordered(input)}`)
    .digest('hex')

const ordered = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )

/** The answer of the first request, or null when the key is free. `pending` answers for one that has stored none. */
export const replay = async (
  ctx: Context,
  keyed: KeyedRequest,
  pending: (resourceId: string | null) => Promise<unknown>,
): Promise<unknown> => {
  const found = await findKey(ctx.db, keyed.projectId, keyed.key)
  if (!found) return null
  if (found.request_hash !== keyed.hash)
    throw new PandaError('idempotency_mismatch', 'this Idempotency-Key was used for another request')
  return found.status === null ? pending(found.resource_id) : found.response
}
