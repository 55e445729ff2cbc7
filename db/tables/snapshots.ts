// Snapshots. Rows that were deleted stay until their host has let go of the files.

import { sql } from 'kysely'
import type { Db, NewSnapshotRow, SnapshotChange, SnapshotRow } from '../schema.ts'

export const insertSnapshot = async (db: Db, row: NewSnapshotRow): Promise<SnapshotRow> =>
  db.insertInto('snapshots').values(row).returningAll().executeTakeFirstOrThrow()

export const findSnapshot = async (db: Db, id: string): Promise<SnapshotRow | undefined> =>
  db.selectFrom('snapshots').selectAll().where('id', '=', id).executeTakeFirst()

/** Only one that is being made changes so; null for any other. */
export const finishSnapshot = async (
  db: Db,
  id: string,
  change: SnapshotChange,
): Promise<SnapshotRow | null> => {
  const row = await db
    .updateTable('snapshots')
    .set(change)
    .where('id', '=', id)
    .where('status', '=', 'creating')
    .returningAll()
    .executeTakeFirst()
  return row ?? null
}

export const failSnapshot = async (db: Db, id: string, failure: string): Promise<void> => {
  await db.updateTable('snapshots').set({ status: 'failed', failure }).where('id', '=', id).execute()
}

/** One that was marked as broken is whole again. */
export const mendSnapshot = async (db: Db, id: string): Promise<void> => {
  await db
    .updateTable('snapshots')
    .set({ status: 'ready', failure: null })
    .where('id', '=', id)
    .where('status', '=', 'failed')
    .execute()
}

/** Newest first. */
export const listSnapshots = async (
  db: Db,
  filter: { projectId: string; sandboxId?: string; kinds: SnapshotRow['kind'][]; limit: number },
): Promise<SnapshotRow[]> => {
  const { sandboxId } = filter
  return db
    .selectFrom('snapshots')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .where('kind', 'in', filter.kinds)
    .where('deleted_at', 'is', null)
    .$if(sandboxId !== undefined, (q) => q.where('sandbox_id', '=', sandboxId ?? ''))
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(filter.limit)
    .execute()
}

/** Hibernated sandboxes are not counted, but take room. */
export const sumSnapshots = async (db: Db, projectId: string): Promise<{ count: number; bytes: number }> =>
  db
    .selectFrom('snapshots')
    .select((eb) => [
      eb.fn.countAll<number>().filterWhere('kind', '<>', 'hibernation').as('count'),
      sql<number>`coalesce(sum(unique_bytes), 0)::bigint`.as('bytes'),
    ])
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow()

/** False when it was deleted before. */
export const deleteSnapshot = async (db: Db, id: string): Promise<boolean> => {
  const result = await db
    .updateTable('snapshots')
    .set({ deleted_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** All whose files may be on a host: those that live, and those the host has not let go of. */
export const unsettledSnapshots = async (db: Db, host: string): Promise<SnapshotRow[]> =>
  db.selectFrom('snapshots').selectAll().where('host', '=', host).where('settled', '=', false).execute()

export const deletedSnapshots = async (db: Db, host: string): Promise<SnapshotRow[]> =>
  db
    .selectFrom('snapshots')
    .selectAll()
    .where('host', '=', host)
    .where('deleted_at', 'is not', null)
    .where('settled', '=', false)
    .execute()

export const settleSnapshot = async (db: Db, id: string): Promise<void> => {
  await db
    .updateTable('snapshots')
    .set({ settled: true })
    .where('id', '=', id)
    .where('deleted_at', 'is not', null)
    .execute()
}

/**
 * Deletes those that nobody can want any more: what belongs to a sandbox that has ended, and hibernations from which
 * their sandbox was woken. Those in the making are left to whoever makes them.
 */
export const deleteUnwanted = async (db: Db): Promise<void> => {
  await sql`update snapshots set deleted_at = now()
    where deleted_at is null and kind <> 'snapshot' and status <> 'creating'
      and not exists (
        select from sandboxes
        where sandboxes.id = snapshots.sandbox_id and sandboxes.deleted_at is null
          and (snapshots.kind <> 'hibernation' or sandboxes.hibernation = snapshots.id)
      )`.execute(db)
}

export const pruneSnapshots = async (db: Db, deletedBefore: Date): Promise<void> => {
  await db
    .deleteFrom('snapshots')
    .where('settled', '=', true)
    .where('deleted_at', '<', deletedBefore)
    .execute()
}
