// Promote: a child of a fork is the one to go on with. By itself that means that it stands alone from now on, as the
// published clients have it; asked to take over, the parent becomes what the child is, under the parent's id, names and
// metadata, and the child's id ends. Siblings go on request.

import type { Promoted, PromoteRequest } from '@pandastack/contracts/http/snapshots.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { conflict, invalid } from '../refusals.ts'
import { change } from '../sandboxes/change.ts'
import { end } from '../sandboxes/end.ts'
import { owned } from '../sandboxes/owned.ts'
import type { Live } from '../sandboxes/registry.ts'
import { takeBack } from '../snapshots/rewind.ts'
import { captureForForks } from './capture.ts'
import { endAll } from './end-all.ts'

const endWaitMs = 10_000

export const promote = async (
  ctx: Context,
  caller: Caller,
  childId: string,
  input: PromoteRequest,
): Promise<Promoted> => {
  const child = await owned(ctx, caller, childId)
  const { fork_tree_id, promoted_from, fork_parent_id: parentId = '' } = child.row.metadata
  // Once promoted it may be asked for again: the answer may have got lost.
  const treeId = fork_tree_id ?? promoted_from ?? ''
  if (treeId === '') throw conflict('the sandbox is no child of a fork')
  if (input.tree_id && input.tree_id !== treeId) throw invalid('tree_id is not that of the sandbox')
  const siblings = input.cleanup_siblings ? siblingsOf(ctx, child, treeId) : []
  const winner = input.take_over ? await takeOver(ctx, await owned(ctx, caller, parentId), child) : childId
  if (!input.take_over) await standAlone(ctx, child, treeId)
  return { winner, tree_id: treeId, ...(await endAll(ctx, siblings)) }
}

/** Of the same project only: metadata is the caller's, and says nothing about whose a sandbox is. */
const siblingsOf = (ctx: Context, child: Live, treeId: string): Live[] =>
  [...ctx.registry.all()].filter(
    ({ row }) =>
      row.id !== child.row.id &&
      row.project_id === child.row.project_id &&
      row.deleted_at === null &&
      row.metadata['fork_tree_id'] === treeId &&
      row.metadata['fork_tree_role'] === 'child',
  )

const standAlone = async (ctx: Context, child: Live, treeId: string): Promise<void> => {
  await change(ctx, child.row.id, (row) => {
    const {
      fork_tree_id: _tree,
      fork_tree_role: _role,
      explore: _mark,
      explore_ttl: _ttl,
      ...rest
    } = row.metadata
    return {
      change: { metadata: JSON.stringify({ ...rest, promoted_from: treeId }), operation_id: null },
      events: [{ type: 'fork_tree.promoted', payload: { tree_id: treeId } }],
    }
  })
}

/** The same two operations as everything else: a capture of the child, restored as the parent. */
export const takeOver = async (ctx: Context, parent: Live, child: Live): Promise<string> => {
  if (parent.row.host !== child.row.host) throw conflict('parent and child are on different hosts')
  using capture = await captureForForks(ctx, child)
  await takeBack(ctx, parent, capture.source, child.row.lineage)
  await end(ctx, child, 'requested', { waitMs: endWaitMs })
  return parent.row.id
}
