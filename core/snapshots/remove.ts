// Delete. The row says so at once; the host lets go of the files as soon as nobody is being restored from them, also when
// its disk is full. Sandboxes that were made from it need it no more.

import { deleteSnapshot } from '@pandastack/db/tables/snapshots.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { ownedSnapshot } from '../sandboxes/origin.ts'
import { letGo } from './tend.ts'

export const remove = async (ctx: Context, caller: Caller, id: string): Promise<void> => {
  const row = await ownedSnapshot(ctx, caller, id)
  await deleteSnapshot(ctx.db, row.id)
  ctx.background.run('let go of a snapshot', () => letGo(ctx, row))
}
