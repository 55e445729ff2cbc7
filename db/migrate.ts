// Brings a database to the newest version. Kysely's migrator holds a Postgres advisory lock meanwhile, so any number of
// processes may start at once. Fails when the database is newer than this code.

import { Migrator } from 'kysely/migration'
import type { Migration } from 'kysely/migration'
import type { Db } from './schema.ts'
import * as firstTables from './migrations/0001-first-tables.ts'

const migrations: Record<string, Migration> = {
  '0001-first-tables': firstTables,
}

/** Names of the migrations that were applied now. */
export const migrate = async (db: Db): Promise<string[]> => {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw new Error('the database could not be migrated', { cause: error })
  return (results ?? []).map((result) => result.migrationName)
}
