// API keys. Only the SHA-256 of a key is here; its prefix names it in public.

import { sql } from 'kysely'
import type { Db, TokenRow } from '../schema.ts'

export interface NewToken {
  prefix: string
  projectId: string
  hash: string
  label: string
  expiresAt: Date | null
}

export const insertToken = async (db: Db, token: NewToken): Promise<TokenRow> =>
  db
    .insertInto('tokens')
    .values({
      prefix: token.prefix,
      project_id: token.projectId,
      hash: token.hash,
      label: token.label,
      expires_at: token.expiresAt,
    })
    .returningAll()
    .executeTakeFirstOrThrow()

/** The key by its hash, unless it was revoked. Whether it has expired is for the caller to see. */
export const findTokenByHash = async (db: Db, hash: string): Promise<TokenRow | undefined> =>
  db
    .selectFrom('tokens')
    .selectAll()
    .where('hash', '=', hash)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()

export const findTokenByPrefix = async (db: Db, prefix: string): Promise<TokenRow | undefined> =>
  db.selectFrom('tokens').selectAll().where('prefix', '=', prefix).executeTakeFirst()

export const listTokens = async (db: Db, projectId: string): Promise<TokenRow[]> =>
  db
    .selectFrom('tokens')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('revoked_at', 'is', null)
    .orderBy('created_at', 'desc')
    .orderBy('prefix')
    .limit(1000)
    .execute()

export const countTokens = async (db: Db, projectId: string): Promise<number> => {
  const row = await db
    .selectFrom('tokens')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('project_id', '=', projectId)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow()
  return row.count
}

/** False when there is no such key to revoke. */
export const revokeToken = async (db: Db, projectId: string, prefix: string): Promise<boolean> => {
  const result = await db
    .updateTable('tokens')
    .set({ revoked_at: sql<Date>`now()` })
    .where('project_id', '=', projectId)
    .where('prefix', '=', prefix)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export const markTokensUsed = async (db: Db, prefixes: string[]): Promise<void> => {
  await db
    .updateTable('tokens')
    .set({ last_used_at: sql<Date>`now()` })
    .where('prefix', '=', sql<string>`any(${prefixes}::text[])`)
    .execute()
}
