// Snapshots on request. A repeated request with the same Idempotency-Key gets the first one's snapshot; when that came
// to nothing, or its process died, the key is free again.

import type { Snapshot, SnapshotCreate } from '@pandastack/contracts/http/snapshots.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { once } from '../operations/once.ts'
import { checkTexts } from '../sandboxes/plan.ts'
import { takeSnapshot } from '../sandboxes/capture.ts'
import { owned } from '../sandboxes/owned.ts'
import { invalid } from '../refusals.ts'
import { isStorable } from '../text.ts'
import { toSnapshot } from './shape.ts'

export const create = async (
  ctx: Context,
  caller: Caller,
  sandboxId: string,
  input: SnapshotCreate & { kind?: 'snapshot' | 'checkpoint' },
  options: { idempotencyKey?: string },
): Promise<Snapshot> => {
  const { kind = 'snapshot', name = '', metadata = {} } = input
  const live = await owned(ctx, caller, sandboxId)
  if (!isStorable(name)) throw invalid('name has text that is not valid Unicode or has a NUL')
  checkTexts(metadata, {})
  const take = async (): Promise<Snapshot> =>
    toSnapshot(await ctx.background.keep(takeSnapshot(ctx, live, { kind, name, metadata })))
  const request = { projectId: caller.projectId, key: options.idempotencyKey, verb: `take a ${kind}` }
  return (await once(ctx, { ...request, input: { sandboxId, ...input } }, 201, take)) as Snapshot
}
