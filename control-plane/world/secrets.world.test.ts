import { afterEach, beforeEach, expect, test } from 'vitest'
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'
import { openSecrets } from '@pandastack/core/sandboxes/secrets.ts'
import { migrate } from '@pandastack/db/migrate.ts'
import { createSeal } from '@pandastack/kit/seal/seal.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const everything = async (): Promise<string> => {
  const tables = ['sandboxes', 'events', 'idempotency', 'tokens'] as const
  return JSON.stringify(
    await Promise.all(tables.map((table) => world.db.selectFrom(table).selectAll().execute())),
  )
}

test('variables, secret metadata and the guest token are nowhere in the database as they are', async () => {
  const wish = { env: { DB: 'hunter2-env' }, metadata: { 'secret.k': 'hunter2-meta', plain: 'seen' } }
  const headers = { 'idempotency-key': 'once' }
  const { body } = await world.ask('POST', '/v1/sandboxes', wish, { headers })
  expect(body.metadata).toEqual({ 'secret.k': '[redacted]', plain: 'seen' })
  const spec = [...world.plane.context.registry.all()].map((live) => live.secrets)[0]
  expect(spec?.env).toEqual({ DB: 'hunter2-env' })
  const stored = await everything()
  expect(stored).toContain('seen')
  for (const secret of ['hunter2-env', 'hunter2-meta', spec?.guestToken ?? ''])
    expect(stored).not.toContain(secret)
  await world.restart()
  expect([...world.plane.context.registry.all()][0]?.secrets).toEqual(spec)
})

test('what was stored in plain text is sealed by the migration', async () => {
  const { id } = (await world.ask('POST', '/v1/sandboxes', { env: { A: 'b' } })).body
  await sql`drop table snapshots, operations`.execute(world.db)
  await sql`alter table sandboxes drop column coming_machine_id, drop column hibernation, drop column lineage,
    drop column operation_id, drop column on_timeout, drop column hibernate_after_seconds,
    drop column checkpoints`.execute(world.db)
  await sql`alter table tokens add column scopes text[]`.execute(world.db)
  await sql`alter table sandboxes add column guest_token text, add column env jsonb`.execute(world.db)
  await sql`update sandboxes set guest_token = 'token', env = '{"A":"b"}',
    metadata = '{"secret.x":"y","z":"1"}'`.execute(world.db)
  await sql`alter table sandboxes drop column sealed`.execute(world.db)
  await sql`delete from kysely_migration where name >= '0002'`.execute(world.db)
  const seal = createSeal(Buffer.from(randomUUID()))
  expect(await migrate(world.db, seal)).toEqual(['0002-sealed-secrets', '0003-snapshots'])
  const row = await world.db
    .selectFrom('sandboxes')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  expect(row.metadata).toEqual({ 'secret.x': '[redacted]', z: '1' })
  expect(openSecrets(seal, row)).toEqual({
    guestToken: 'token',
    env: { A: 'b' },
    metadata: { 'secret.x': 'y' },
  })
})

test('a control plane with another key does not start, and says why', async () => {
  await world.ask('POST', '/v1/sandboxes', {})
  await sql`update sandboxes set sealed = ${createSeal(Buffer.from(randomUUID())).close('{}', 'x')}`.execute(
    world.db,
  )
  await expect(world.restart()).rejects.toThrow('sealed with another key')
})
