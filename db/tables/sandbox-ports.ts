// Ports that an owner has declared: a label, and whether strangers may reach them through the edge.

import type { Db } from '../schema.ts'

export interface DeclaredPort {
  port: number
  label: string
  public: boolean
}

export const listPorts = async (db: Db, sandboxId: string): Promise<DeclaredPort[]> =>
  db
    .selectFrom('sandbox_ports')
    .select(['port', 'label', 'public'])
    .where('sandbox_id', '=', sandboxId)
    .orderBy('port')
    .execute()

export const putPort = async (db: Db, sandboxId: string, entry: DeclaredPort): Promise<void> => {
  await db
    .insertInto('sandbox_ports')
    .values({ sandbox_id: sandboxId, ...entry })
    .onConflict((oc) =>
      oc.columns(['sandbox_id', 'port']).doUpdateSet({ label: entry.label, public: entry.public }),
    )
    .execute()
}

/** False when the port was not declared. */
export const deletePort = async (db: Db, sandboxId: string, port: number): Promise<boolean> => {
  const result = await db
    .deleteFrom('sandbox_ports')
    .where('sandbox_id', '=', sandboxId)
    .where('port', '=', port)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}
