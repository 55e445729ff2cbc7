// The connection pool. Every wait has an end: for a connection, for a statement, for a lock. A lost connection is thrown
// away and the next query opens another, so an outage of Postgres ends here by itself.

import { Kysely, PostgresDialect } from 'kysely'
import { Pool, types } from 'pg'
import type { Log } from '@pandastack/kit/log/log.ts'
import type { Db, Schema } from './schema.ts'

export interface Database extends AsyncDisposable {
  readonly db: Db
  readonly url: string
}

export const openDatabase = (options: { url: string; log: Log; connectionsMax?: number }): Database => {
  const pool = new Pool({
    connectionString: options.url,
    max: options.connectionsMax ?? 10,
    connectionTimeoutMillis: 3000,
    idleTimeoutMillis: 60_000,
    statement_timeout: 10_000,
    lock_timeout: 5000,
    idle_in_transaction_session_timeout: 15_000,
    query_timeout: 12_000,
    keepAlive: true,
    application_name: 'pandastack',
    types: { getTypeParser },
  })
  pool.on('error', (err) => options.log.warn({ err }, 'an idle database connection was lost'))
  // Of a connection that is in use, the query that fails tells; without a listener the loss would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  return {
    db,
    url: options.url,
    async [Symbol.asyncDispose]() {
      await db.destroy()
    },
  }
}

/** bigint as a number: ours are counters far below 2^53. */
const getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
  oid === types.builtins.INT8 && format !== 'binary'
    ? Number
    : types.getTypeParser(oid, format as 'text')) as typeof types.getTypeParser
