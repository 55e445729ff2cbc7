// Answers that are kept for a repeated request with the same Idempotency-Key.

import type { Db, IdempotencyTable } from '../schema.ts'
import type { Selectable } from 'kysely'

export type IdempotencyRow = Selectable<IdempotencyTable>

/** True when the key is now ours; false when somebody has it. */
export const claimKey = async (
  db: Db,
  claim: { projectId: string; key: string; requestHash: string; resourceId: string | null },
): Promise<boolean> => {
  const result = await db
    .insertInto('idempotency')
    .values({
      project_id: claim.projectId,
      key: claim.key,
      request_hash: claim.requestHash,
      resource_id: claim.resourceId,
      status: null,
      response: null,
    })
    .onConflict((oc) => oc.doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

export const findKey = async (db: Db, projectId: string, key: string): Promise<IdempotencyRow | undefined> =>
  db
    .selectFrom('idempotency')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('key', '=', key)
    .executeTakeFirst()

export const storeAnswer = async (
  db: Db,
  projectId: string,
  key: string,
  status: number,
  response: Record<string, unknown>,
): Promise<void> => {
  await db
    .updateTable('idempotency')
    .set({ status, response: JSON.stringify(response) })
    .where('project_id', '=', projectId)
    .where('key', '=', key)
    .execute()
}

/** Frees a key whose request came to nothing, so that the client may try again. */
export const releaseKey = async (db: Db, projectId: string, key: string): Promise<void> => {
  await db
    .deleteFrom('idempotency')
    .where('project_id', '=', projectId)
    .where('key', '=', key)
    .where('status', 'is', null)
    .execute()
}

export const pruneKeys = async (db: Db, writtenBefore: Date): Promise<number> => {
  const result = await db.deleteFrom('idempotency').where('created_at', '<', writtenBefore).executeTakeFirst()
  return Number(result.numDeletedRows)
}
