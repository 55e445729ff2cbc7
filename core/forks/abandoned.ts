// What forks and attempts have left whose process died: nobody was told of those sandboxes, so they end.

import { endOperation, openOperations } from '@pandastack/db/tables/operations.ts'
import type { Context } from '../context.ts'
import { end } from '../sandboxes/end.ts'
import { childrenOf } from './end-all.ts'

/** At a start, once the registry is loaded. Ends are stored here; what a host does not hear now is repaired. */
export const endAbandonedOperations = async (ctx: Context): Promise<void> => {
  for (const { id } of await openOperations(ctx.db)) {
    for (const live of childrenOf(ctx, id)) await end(ctx, live, 'create_abandoned', { waitMs: 0 })
    await endOperation(ctx.db, id)
  }
}
