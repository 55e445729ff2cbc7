// Work that makes several sandboxes at once. What such work has left when its process died is found by these rows.

import { sql } from 'kysely'
import type { Db, OperationRow } from '../schema.ts'

export const beginOperation = async (
  db: Db,
  operation: Pick<OperationRow, 'id' | 'project_id' | 'kind' | 'sandbox_id'>,
): Promise<void> => {
  await db.insertInto('operations').values(operation).execute()
}

export const endOperation = async (db: Db, id: string): Promise<void> => {
  await db
    .updateTable('operations')
    .set({ done_at: sql<Date>`now()` })
    .where('id', '=', id)
    .execute()
}

export const openOperations = async (db: Db): Promise<OperationRow[]> =>
  db.selectFrom('operations').selectAll().where('done_at', 'is', null).execute()

export const pruneOperations = async (db: Db, doneBefore: Date): Promise<void> => {
  await db.deleteFrom('operations').where('done_at', '<', doneBefore).execute()
}
