// Sandboxes. A change names the version it was decided on and takes its events with it in one statement: either both
// are stored or the row has moved on and the caller decides again.

import { sql } from 'kysely'
import type { Db, NewSandboxRow, SandboxChange, SandboxRow } from '../schema.ts'

export interface NewEvent {
  type: string
  payload: Record<string, unknown>
}

export const insertSandbox = async (db: Db, row: NewSandboxRow, events: NewEvent[]): Promise<SandboxRow> =>
  db
    .with('written', (q) => q.insertInto('sandboxes').values(row).returningAll())
    .with('told', (q) =>
      q
        .insertInto('events')
        .columns(['sandbox_id', 'project_id', 'type', 'payload'])
        .expression(eventRows(events)),
    )
    .selectFrom('written')
    .selectAll()
    .executeTakeFirstOrThrow()

/** The changed row, or null when it is no longer at that version. */
export const changeSandbox = async (
  db: Db,
  id: string,
  version: number,
  change: SandboxChange,
  events: NewEvent[],
): Promise<SandboxRow | null> => {
  const row = await db
    .with('written', (q) =>
      q
        .updateTable('sandboxes')
        .set({ ...change, version: version + 1 })
        .where('id', '=', id)
        .where('version', '=', version)
        .returningAll(),
    )
    .with('told', (q) =>
      q
        .insertInto('events')
        .columns(['sandbox_id', 'project_id', 'type', 'payload'])
        .expression(eventRows(events)),
    )
    .selectFrom('written')
    .selectAll()
    .executeTakeFirst()
  return row ?? null
}

/** One row for each event of the row just written; none when nothing was. */
const eventRows = (events: NewEvent[]) => {
  const types = events.map((event) => event.type)
  const payloads = events.map((event) => JSON.stringify(event.payload))
  return sql<never>`select written.id, written.project_id, told.type, told.payload::jsonb
    from written, unnest(${types}::text[], ${payloads}::text[]) with ordinality as told (type, payload, place)
    order by told.place`
}

export const findSandbox = async (db: Db, id: string): Promise<SandboxRow | undefined> =>
  db.selectFrom('sandboxes').selectAll().where('id', '=', id).executeTakeFirst()

/** Newest first, without those that have ended. */
export const listSandboxes = async (db: Db, projectId: string, limit: number): Promise<SandboxRow[]> =>
  db
    .selectFrom('sandboxes')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()

/** Everything that is somebody's concern: alive, or with a machine whose end the host still remembers. */
export const liveSandboxes = async (db: Db): Promise<SandboxRow[]> =>
  db
    .selectFrom('sandboxes')
    .selectAll()
    .where((eb) => eb.or([eb('deleted_at', 'is', null), eb('settled', '=', false)]))
    .execute()

export interface Use {
  id: string
  lastUsedAt: Date
  expiresAt: Date | null
  intent: number
}

/** Writes back when sandboxes were last used. Leaves their versions alone. */
export const markSandboxesUsed = async (db: Db, uses: Use[]): Promise<void> => {
  const ids = uses.map((use) => use.id)
  const usedAt = uses.map((use) => use.lastUsedAt)
  const expiresAt = uses.map((use) => use.expiresAt)
  const intents = uses.map((use) => use.intent)
  await sql`update sandboxes set
      last_used_at = greatest(sandboxes.last_used_at, used.last_used_at),
      expires_at = case when sandboxes.expires_at is null then null else used.expires_at end,
      intent = greatest(sandboxes.intent, used.intent)
    from unnest(${ids}::uuid[], ${usedAt}::timestamptz[], ${expiresAt}::timestamptz[], ${intents}::integer[])
      as used (id, last_used_at, expires_at, intent)
    where sandboxes.id = used.id and sandboxes.deleted_at is null`.execute(db)
}

/** Forgets sandboxes, with their events, that ended before the given time. Returns how many. */
export const pruneSandboxes = async (db: Db, endedBefore: Date, limit: number): Promise<number> => {
  const result = await db
    .deleteFrom('sandboxes')
    .where(
      'id',
      'in',
      db
        .selectFrom('sandboxes')
        .select('id')
        .where('deleted_at', '<', endedBefore)
        .where('settled', '=', true)
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
