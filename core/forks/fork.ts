// Fork: one capture, many restores. The parent stands still only while it is captured. Children take their turns with all
// other creates; those that do not come to run are told as errors, and only when none does is the fork refused.

import { newSandboxId } from '@pandastack/contracts/ids.ts'
import type { ForkedTree, ForkRequest } from '@pandastack/contracts/http/snapshots.ts'
import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import { beginOperation, endOperation } from '@pandastack/db/tables/operations.ts'
import { failpoint } from '@pandastack/kit/failpoint/failpoint.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { once } from '../operations/once.ts'
import { conflict, forCaller } from '../refusals.ts'
import { change } from '../sandboxes/change.ts'
import { finish, store } from '../sandboxes/create.ts'
import { owned } from '../sandboxes/owned.ts'
import { checkTexts } from '../sandboxes/plan.ts'
import type { Live } from '../sandboxes/registry.ts'
import { captureForForks } from './capture.ts'
import { planChild } from './child.ts'
import { childrenOf, endAll } from './end-all.ts'
import type { ChildWish } from './child.ts'

export const fork = async (
  ctx: Context,
  caller: Caller,
  parentId: string,
  input: ForkRequest,
  options: { idempotencyKey?: string; signal?: AbortSignal },
): Promise<ForkedTree> => {
  const parent = await owned(ctx, caller, parentId)
  checkTexts(input.metadata ?? {}, input.env ?? {})
  const { idempotencyKey: key, signal } = options
  const request = { projectId: caller.projectId, key, verb: 'fork', input: { parentId, ...input } }
  // Whoever left a key can come back for the answer.
  const hangup = key === undefined ? signal : undefined
  const work = (): Promise<ForkedTree> => ctx.background.keep(forkNow(ctx, caller, parent, input, hangup))
  return (await once(ctx, request, 201, work)) as ForkedTree
}

const forkNow = async (
  ctx: Context,
  caller: Caller,
  parent: Live,
  input: ForkRequest,
  hangup: AbortSignal | undefined,
): Promise<ForkedTree> => {
  const { count = 1, metadata = {}, env = {} } = input
  const operationId: string = newSandboxId()
  const at = new Date(ctx.clock.wallMs()).toISOString()
  const operation = { id: operationId, project_id: caller.projectId, kind: 'fork' as const }
  await beginOperation(ctx.db, { ...operation, sandbox_id: parent.row.id })
  try {
    using capture = await captureForForks(ctx, parent)
    await failpoint('fork.captured')
    const common: Omit<ChildWish, 'index'> = {
      source: capture.source,
      operationId,
      metadata,
      role: 'child',
      env,
      ...(input.ttl_seconds !== undefined && { ttlSeconds: input.ttl_seconds }),
      ...(input.persistent !== undefined && { persistent: input.persistent }),
    }
    const births = await Promise.allSettled(
      Array.from({ length: count }, (_, index) => bear(ctx, caller, parent, { ...common, index }, hangup)),
    )
    if (hangup?.aborted) {
      // Nobody was told of those that had come already.
      await endAll(ctx, childrenOf(ctx, operationId))
      throw conflict('the caller went away before the children were ready')
    }
    const children = births.flatMap((birth) => (birth.status === 'fulfilled' ? [birth.value] : []))
    if (children.length === 0) throw firstFailure(births)
    const ids = children.map(({ id }) => id)
    await tell(ctx, parent, { operationId, ids, pauseMs: capture.pauseMs })
    return {
      tree_id: operationId,
      parent_id: parent.row.id,
      snapshot_id: capture.source.snapshotId,
      children,
      errors: births.flatMap((birth, index) =>
        birth.status === 'rejected' ? [{ index, error: sentenceOf(birth.reason) }] : [],
      ),
      pause_ms: capture.pauseMs,
      at,
    }
  } finally {
    await endOperation(ctx.db, operationId).catch(() => undefined)
  }
}

/** A child that runs. */
export const bear = async (
  ctx: Context,
  caller: Caller,
  parent: Live,
  wish: ChildWish,
  hangup?: AbortSignal,
): Promise<Sandbox> => {
  const live = await store(ctx, caller, planChild(parent, wish), null)
  await failpoint('fork.child-stored')
  return finish(ctx, live as Live, hangup)
}

const firstFailure = (births: PromiseSettledResult<Sandbox>[]): unknown =>
  births.find((birth) => birth.status === 'rejected')?.reason

const sentenceOf = (error: unknown): string => {
  const told = forCaller(error)
  return told instanceof Error ? told.message : String(told)
}

const tell = async (
  ctx: Context,
  parent: Live,
  { operationId, ids, pauseMs }: { operationId: string; ids: string[]; pauseMs: number },
): Promise<void> => {
  const payload = { tree_id: operationId, children: ids, pause_ms: pauseMs }
  await change(ctx, parent.row.id, () => ({
    change: {},
    events: [{ type: 'sandbox.forked', payload }],
  })).catch((err: unknown) =>
    ctx.log.warn({ err, sandbox: parent.row.id }, 'a fork could not be told as an event'),
  )
}
