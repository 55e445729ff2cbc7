import { readFileSync } from 'node:fs'
import { expect, inject, test } from 'vitest'
import { Client } from 'pg'
import { migrate } from './migrate.ts'
import { openDatabase } from './open.ts'
import { silentLog } from '@pandastack/kit/log/log.ts'
import { createSeal } from '@pandastack/kit/seal/seal.ts'
import { cloneTemplate } from '@pandastack/testing/postgres.ts'

const clusterUrl = (database: string): string => inject('postgresUrl').replace('DATABASE', database)

const seal = createSeal(Buffer.alloc(32, 'a key for tests only'))

const fields = (body = ''): [string, string][] =>
  [...body.matchAll(/^ {2}(\w+): (.*)$/gm)].map(([, name = '', type = '']) => [name, type])

/** Table and column names as the types say: interfaces named `<Table>Table`, listed in `Schema`. */
const columnsOfTypes = (): Record<string, string[]> => {
  const source = readFileSync(new URL('schema.ts', import.meta.url), 'utf8')
  const bodies = new Map(
    [...source.matchAll(/export interface (\w+) \{\n([\s\S]*?)\n\}/g)].map(([, name, body]) => [
      name,
      body ?? '',
    ]),
  )
  return Object.fromEntries(
    fields(bodies.get('Schema')).map(([table, type]) => [
      table,
      fields(bodies.get(type))
        .map(([column]) => column)
        .sort(),
    ]),
  )
}

test('the types have the tables and columns that the migrations make', async () => {
  await using database = await cloneTemplate(clusterUrl)
  const client = new Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query(
    `select table_name, column_name from information_schema.columns
     where table_schema = 'public' and table_name not like 'kysely%' order by 1, 2`,
  )
  await client.end()
  const found: Record<string, string[]> = {}
  for (const { table_name, column_name } of rows) (found[table_name] ??= []).push(column_name)
  expect(columnsOfTypes()).toEqual(found)
})

test('migrating again, also from several processes at once, changes nothing', async () => {
  await using database = await cloneTemplate(clusterUrl)
  const applied = await Promise.all(
    [1, 2, 3].map(async () => {
      await using mine = openDatabase({ url: database.url, log: silentLog(), connectionsMax: 1 })
      return migrate(mine.db, seal)
    }),
  )
  expect(applied).toEqual([[], [], []])
})
