// Brings a database to the newest version. Kysely's migrator holds a Postgres advisory lock meanwhile, so any number of
// processes may start at once. Fails when the database is newer than this code.

import { Migrator } from 'kysely/migration'
import type { Migration } from 'kysely/migration'
import type { Seal } from '@pandastack/kit/seal/seal.ts'
import type { Db } from './schema.ts'
import * as firstTables from './migrations/0001-first-tables.ts'
import * as sealedSecrets from './migrations/0002-sealed-secrets.ts'
import * as snapshots from './migrations/0003-snapshots.ts'

const migrationsWith = (seal: Seal): Record<string, Migration> => ({
  '0001-first-tables': firstTables,
  '0002-sealed-secrets': { up: (db) => sealedSecrets.up(db, seal) },
  '0003-snapshots': snapshots,
})

/** Names of the migrations that were applied now. `seal`: for secrets that were stored in plain text once. */
export const migrate = async (db: Db, seal: Seal): Promise<string[]> => {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrationsWith(seal) } })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw new Error('the database could not be migrated', { cause: error })
  return (results ?? []).map((result) => result.migrationName)
}
