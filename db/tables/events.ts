// What happened to sandboxes. Rows are written together with the change they tell of (tables/sandboxes.ts); those of
// one sandbox are in order, because each change holds the sandbox's row until it is stored.

import type { Db, EventRow } from '../schema.ts'

/** The last `tail` events, oldest first. */
export const lastEvents = async (db: Db, sandboxId: string, tail: number): Promise<EventRow[]> => {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .orderBy('seq', 'desc')
    .limit(tail)
    .execute()
  return rows.toReversed()
}

/** Events later than `seq`, oldest first. */
export const eventsAfter = async (
  db: Db,
  sandboxId: string,
  seq: number,
  limit: number,
): Promise<EventRow[]> =>
  db
    .selectFrom('events')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute()
