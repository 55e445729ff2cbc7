// Hosts that were seen, with what they last said of themselves.

import type { Db } from '../schema.ts'

export const recordHost = async (
  db: Db,
  name: string,
  hostId: string,
  info: Record<string, unknown>,
  seenAt: Date,
): Promise<void> => {
  const values = { host_id: hostId, info: JSON.stringify(info), last_seen_at: seenAt }
  await db
    .insertInto('hosts')
    .values({ name, ...values })
    .onConflict((oc) => oc.column('name').doUpdateSet(values))
    .execute()
}
