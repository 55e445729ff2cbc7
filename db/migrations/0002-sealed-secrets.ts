// A sandbox's secrets move into one sealed text; keys lose their scopes, which nobody could ever choose.

import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import type { Seal } from '@pandastack/kit/seal/seal.ts'

interface Plain {
  id: string
  guest_token: string
  env: Record<string, string>
  metadata: Record<string, string>
}

export const up = async (db: Kysely<unknown>, seal: Seal): Promise<void> => {
  await sql`alter table tokens drop column scopes`.execute(db)
  await sql`alter table sandboxes add column sealed text`.execute(db)
  const { rows } = await sql<Plain>`select id, guest_token, env, metadata from sandboxes`.execute(db)
  for (const { id, guest_token: guestToken, env, metadata } of rows) {
    const secret = Object.entries(metadata).filter(([key]) => key.startsWith('secret.'))
    const secrets = JSON.stringify({ guestToken, env, metadata: Object.fromEntries(secret) })
    const shown = { ...metadata, ...Object.fromEntries(secret.map(([key]) => [key, '[redacted]'])) }
    await sql`update sandboxes
      set sealed = ${seal.close(secrets, `sandbox ${id}`)}, metadata = ${JSON.stringify(shown)}::jsonb
      where id = ${id}::uuid`.execute(db)
  }
  await sql`alter table sandboxes alter column sealed set not null`.execute(db)
  await sql`alter table sandboxes drop column guest_token, drop column env`.execute(db)
}
