// Hibernate: the machine is captured and ended, the sandbox stays. The wish is a state of the row, so it survives us; a
// host that cannot save the machine lets it go on and says why, and then the sandbox runs as before.

import { newCaptureId } from '@pandastack/contracts/ids.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import { next } from '@pandastack/contracts/states/sandbox.ts'
import { failSnapshot, insertSnapshot } from '@pandastack/db/tables/snapshots.ts'
import { failpoint } from '@pandastack/kit/failpoint/failpoint.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { conflict, notFound } from '../refusals.ts'
import { newSnapshotRow, recordTaken } from './capture.ts'
import { change, nextIntent } from './change.ts'
import { owned } from './owned.ts'
import { reconcile } from './reconcile.ts'
import type { Live } from './registry.ts'
import { toSandbox } from './shape.ts'

export const hibernate = async (ctx: Context, caller: Caller, id: string): Promise<Sandbox> => {
  const live = await owned(ctx, caller, id)
  await save(ctx, live)
  return toSandbox(live, ctx.clock)
}

/** Resolves when it is hibernated; whoever asks meanwhile waits for the same. */
export const save = (ctx: Context, live: Live): Promise<void> => {
  live.saving ??= ctx.background.keep(saveNow(ctx, live)).finally(() => (live.saving = null))
  return live.saving as Promise<void>
}

const saveNow = async (ctx: Context, live: Live): Promise<void> => {
  await live.bringing?.catch(() => undefined)
  if (sleeps(live)) return
  await store(ctx, live)
  await failpoint('hibernate.stored')
  const snapshotId = live.row.hibernation
  await reconcile(ctx, live, { waitMs: ctx.settings.changeWaitMs })
  if (!sleeps(live)) throw await refusal(ctx, live, snapshotId)
  ctx.hosts.link(live.row.host).guest.release(live.row.machine_id)
  // Waking does not need to know its size; repair writes it down if this does not.
  if (snapshotId !== null)
    ctx.background.run('record a hibernation', () => recordTaken(ctx, live.row.host, snapshotId))
}

const sleeps = ({ row }: Live): boolean => row.status === 'hibernated'

/** A wish that is stored already, by us before a restart or just now, is gone on with. */
const store = async (ctx: Context, live: Live): Promise<void> => {
  const check = (): void => {
    const step = next(live.row.status, 'hibernate')
    if ('refused' in step) throw conflict(step.refused)
    if (live.ending) throw notFound()
  }
  check()
  if (live.row.desired === 'hibernated') return
  const row = newSnapshotRow(ctx, live, { id: newCaptureId(), kind: 'hibernation' })
  await insertSnapshot(ctx.db, row)
  await change(ctx, live.row.id, () => {
    check()
    return { change: { desired: 'hibernated', hibernation: row.id, intent: nextIntent(live) } }
  }).catch(async (error: unknown) => {
    await failSnapshot(ctx.db, row.id, 'the sandbox could not be hibernated')
    throw error
  })
}

const refusal = async (ctx: Context, live: Live, snapshotId: string | null): Promise<PandaError> => {
  const { row, saveFailure } = live
  if (row.desired === 'hibernated')
    return new PandaError('unavailable', 'the sandbox is still being hibernated', { retryAfterSeconds: 2 })
  if (snapshotId !== null) await failSnapshot(ctx.db, snapshotId, saveFailure?.message ?? 'the sandbox ended')
  if ('refused' in next(row.status, 'hibernate')) return conflict(`the sandbox is ${row.status}`)
  const message = `the sandbox could not be hibernated and goes on: ${saveFailure?.message ?? 'no reason given'}`
  return new PandaError(saveFailure?.code === 'no_space' ? 'no_space' : 'unavailable', message, {
    retryAfterSeconds: 5,
  })
}
