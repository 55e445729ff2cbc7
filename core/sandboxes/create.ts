// Create. One statement stores the sandbox, its event and the idempotency key; then the host is asked, in turn with the
// other creates; then the caller is answered. Whatever fails after the first step ends the sandbox again, so that a
// refused create leaves nothing. A caller that hangs up takes the sandbox with it, unless it left an Idempotency-Key
// under which it can come back for the answer.

import { randomBytes } from 'node:crypto'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { newMachineId, newSandboxId } from '@pandastack/contracts/ids.ts'
import type { Sandbox, SandboxCreate } from '@pandastack/contracts/http/shapes.ts'
import type { NewSandboxRow, SandboxRow } from '@pandastack/db/schema.ts'
import { insertSandbox } from '@pandastack/db/tables/sandboxes.ts'
import { claimKey, releaseKey } from '@pandastack/db/tables/idempotency.ts'
import { failpoint } from '@pandastack/kit/failpoint/failpoint.ts'
import { QueueFull } from '@pandastack/kit/queue/fair-queue.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { checkKey, replay, requestHash } from '../operations/idempotency.ts'
import type { KeyedRequest } from '../operations/idempotency.ts'
import { conflict, forCaller, hostAway, invalid, noCapacity } from '../refusals.ts'
import { end } from './end.ts'
import { planCreate } from './plan.ts'
import type { Plan } from './plan.ts'
import { answerOfCreate } from './replay-create.ts'
import { answerSlackMs, reconcile } from './reconcile.ts'
import type { Live } from './registry.ts'
import { snapshotCodeOf } from './report.ts'
import { sealSecrets, splitMetadata } from './secrets.ts'
import { toSandbox } from './shape.ts'

export interface CreateOptions {
  idempotencyKey?: string
  signal?: AbortSignal
}

export const create = async (
  ctx: Context,
  caller: Caller,
  input: SandboxCreate,
  options: CreateOptions,
): Promise<Sandbox> => {
  const { idempotencyKey: key } = options
  if (key === undefined) {
    const live = await store(ctx, caller, await planCreate(ctx, caller, input), null)
    return finish(ctx, live as Live, options.signal)
  }
  checkKey(key)
  const keyed: KeyedRequest = { projectId: caller.projectId, key, hash: requestHash('create sandbox', input) }
  for (;;) {
    const known = await replay(ctx, keyed, (resourceId) => answerOfCreate(ctx, keyed, resourceId))
    if (known) return known as Sandbox
    const live = await store(ctx, caller, await planCreate(ctx, caller, input), keyed)
    if (live) return finish(ctx, live)
  }
}

/** Stores a sandbox that is to be made; `finish` makes it. Null when the key has been taken by somebody quicker. */
export const store = async (
  ctx: Context,
  caller: Caller,
  plan: Plan,
  keyed: KeyedRequest | null,
): Promise<Live | null> => {
  if (ctx.creates.waiting >= ctx.settings.createsWaitingMax) throw noCapacity('too many creates are waiting')
  using place = await ctx.hosts.place({ ...plan.resources, host: plan.host })
  const row = newRow(ctx, caller, plan, place.name, keyed?.key ?? null)
  const payload = { template: plan.template, from_snapshot: plan.fromSnapshot }
  const events = [{ type: 'sandbox.created', payload }]
  let stored: SandboxRow | null
  if (!keyed) {
    stored = await insertSandbox(ctx.db, row, events)
  } else {
    stored = await ctx.db.transaction().execute(async (tx) => {
      const claim = {
        projectId: keyed.projectId,
        key: keyed.key,
        requestHash: keyed.hash,
        resourceId: row.id,
      }
      return (await claimKey(tx, claim)) ? insertSandbox(tx, row, events) : null
    })
  }
  if (!stored) return null
  await failpoint('create.stored')
  const live = ctx.registry.put(stored)
  live.busy = true
  return live
}

const newRow = (
  ctx: Context,
  caller: Caller,
  plan: Plan,
  host: string,
  idempotencyKey: string | null,
): NewSandboxRow => {
  const nowMs = ctx.clock.wallMs()
  const id = newSandboxId()
  const { shown, secret } = splitMetadata(plan.metadata)
  const guestToken = randomBytes(32).toString('hex')
  return {
    id,
    project_id: caller.projectId,
    host,
    machine_id: newMachineId(),
    template: plan.template,
    cpu: plan.resources.cpu,
    memory_mb: plan.resources.memoryMb,
    disk_mb: plan.resources.diskMb,
    status: 'creating',
    desired: 'running',
    intent: 1,
    sealed: sealSecrets(ctx.seal, id, {
      guestToken,
      env: plan.env,
      metadata: secret,
      ...(plan.source && { source: plan.source }),
    }),
    from_snapshot: plan.fromSnapshot,
    lineage: plan.lineage,
    operation_id: plan.operationId,
    on_timeout: plan.onTimeout,
    hibernate_after_seconds: plan.hibernateAfterSeconds,
    checkpoints: plan.checkpoints && JSON.stringify(plan.checkpoints),
    metadata: JSON.stringify(shown),
    ttl_seconds: plan.ttlSeconds,
    persistent: plan.persistent,
    expires_at: plan.persistent ? null : new Date(nowMs + plan.ttlSeconds * 1000),
    last_used_at: new Date(nowMs),
    idempotency_key: idempotencyKey,
    created_at: new Date(nowMs),
  }
}

/**
 * Makes a stored sandbox run, or ends it. `hangup` aborts when the caller has gone and nobody will come back. Goes on to
 * its end when nobody waits for it; a process that leaves waits, or leaves a create with a key to its successor.
 */
export const finish = (ctx: Context, live: Live, hangup?: AbortSignal): Promise<Sandbox> => {
  live.busy = true
  return ctx.background.keep(runOrUndo(ctx, live, hangup))
}

const runOrUndo = async (ctx: Context, live: Live, hangup: AbortSignal | undefined): Promise<Sandbox> => {
  const startedMs = ctx.clock.monotonicMs()
  using _ = ctx.passing.hold(live.secrets.source?.snapshotId ?? '')
  try {
    await run(ctx, live, startedMs + ctx.settings.createWaitMs, hangup)
    if (hangup?.aborted) throw gone()
    ctx.measures.creates.inc({ outcome: 'created' })
    ctx.measures.createSeconds.observe((ctx.clock.monotonicMs() - startedMs) / 1000)
    return toSandbox(live, ctx.clock)
  } catch (error) {
    const leaving = ctx.stopping.aborted && error === ctx.stopping.reason
    const told = hangup?.aborted ? gone() : forCaller(error)
    ctx.measures.creates.inc({ outcome: told instanceof PandaError ? told.code : 'internal' })
    if (!leaving || live.row.idempotency_key === null) await undo(ctx, live)
    throw told
  } finally {
    live.busy = false
  }
}

const run = async (
  ctx: Context,
  live: Live,
  deadlineMs: number,
  hangup: AbortSignal | undefined,
): Promise<void> => {
  const given = AbortSignal.any(hangup ? [ctx.stopping, hangup] : [ctx.stopping])
  const outOfTime = AbortSignal.timeout(Math.max(1, Math.ceil(deadlineMs - ctx.clock.monotonicMs())))
  const ask = async (): Promise<Live> => {
    if (live.row.status !== 'creating') return live
    const waitMs = Math.max(1, Math.floor(deadlineMs - ctx.clock.monotonicMs()))
    const signal = AbortSignal.any([given, AbortSignal.timeout(waitMs + answerSlackMs)])
    return reconcile(ctx, live, { waitMs, signal })
  }
  let after: Live
  try {
    after = await ctx.creates.run(live.row.project_id, ask, AbortSignal.any([given, outOfTime]))
  } catch (error) {
    if (error instanceof QueueFull) throw noCapacity('too many creates are waiting')
    if (error === outOfTime.reason) throw noCapacity('no host had a turn for it in time')
    if (error instanceof DOMException && error.name === 'TimeoutError') throw hostAway(error)
    throw error
  }
  if (after.row.status !== 'running' && after.row.status !== 'paused') throw refusalOf(after)
}

/** Why a sandbox did not come to run, for its caller. */
const refusalOf = (live: Live): PandaError => {
  const { row } = live
  if (row.status === 'creating')
    return new PandaError('unavailable', 'the sandbox was not ready in time', { retryAfterSeconds: 5 })
  if (row.status !== 'failed') return conflict('the sandbox was deleted while it was being created')
  if (row.failure_reason === 'capacity') return noCapacity('the host has no room for another sandbox')
  if (row.failure_reason === 'unknown_template')
    return invalid(`unknown template ${JSON.stringify(row.template)}`)
  const code = snapshotCodeOf(row.failure_reason)
  if (code) return new PandaError(code, `the sandbox could not be restored: ${row.failure ?? ''}`)
  return new PandaError(
    'unavailable',
    `the sandbox could not be started: ${row.failure ?? 'no reason given'}`,
    {
      retryAfterSeconds: 5,
    },
  )
}

const gone = (): PandaError => conflict('the caller went away before the sandbox was ready')

/** Ends what was begun, and frees the key. What cannot be done now is repaired later. */
const undo = async (ctx: Context, live: Live): Promise<void> => {
  try {
    await end(ctx, live, 'create_failed', { waitMs: 0 })
    const { project_id: projectId, idempotency_key: key } = live.row
    if (key !== null) await releaseKey(ctx.db, projectId, key)
  } catch (err) {
    ctx.log.error({ err, sandbox: live.row.id }, 'a create that failed could not be undone yet')
    live.abandoned = true
  }
}
