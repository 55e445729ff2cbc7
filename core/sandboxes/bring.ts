// A sandbox gets a machine in the place of the one it has: waking it, or taking it back. The new machine is asked for
// first; only when it runs does it become the sandbox's, in the row, and the old one is ended. When it does not come to
// run, the sandbox is what it was. One at a time for each sandbox.

import { PandaError } from '@pandastack/contracts/errors.ts'
import { newMachineId } from '@pandastack/contracts/ids.ts'
import type { MachineReport } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { SandboxChange, SandboxRow } from '@pandastack/db/schema.ts'
import { failpoint } from '@pandastack/kit/failpoint/failpoint.ts'
import { QueueFull } from '@pandastack/kit/queue/fair-queue.ts'
import type { Context } from '../context.ts'
import type { HostLink } from '../hosts/hosts.ts'
import { conflict, noCapacity } from '../refusals.ts'
import { change, nextIntent } from './change.ts'
import { observe } from './observe.ts'
import { droppedComing } from './observe-coming.ts'
import { answerSlackMs, noteTold } from './reconcile.ts'
import type { Live } from './registry.ts'
import { failureOf, snapshotCodeOf } from './report.ts'
import { sealSecrets } from './secrets.ts'
import type { Source } from './secrets.ts'
import { comingSpecOf, endOf } from './spec.ts'

export interface Bringing {
  source: Source
  /** Throws when the row is not one to do this with. */
  check(row: SandboxRow): void
  /** What else the row is to say from now on. */
  change?: SandboxChange
}

/** Resolves when the new machine runs and is the sandbox's. */
export const bring = (ctx: Context, live: Live, prepare: () => Promise<Bringing>): Promise<void> => {
  if (live.bringing) throw conflict('the sandbox is being woken or taken back; try again')
  const work = ctx.background.keep(bringNow(ctx, live, prepare)).finally(() => (live.bringing = null))
  live.bringing = work
  return work
}

const bringNow = async (ctx: Context, live: Live, prepare: () => Promise<Bringing>): Promise<void> => {
  const wish = await prepare()
  using _ = ctx.passing.hold(wish.source.snapshotId)
  const machineId = newMachineId()
  const before = live.row.machine_id
  const sleeps = live.row.status === 'hibernated'
  await change(ctx, live.row.id, (row) => {
    wish.check(row)
    const secrets = { ...live.secrets, source: wish.source }
    return {
      change: {
        ...wish.change,
        coming_machine_id: machineId,
        // A running one goes on as what it is until it is replaced.
        ...(row.status === 'hibernated' && { desired: 'running' as const }),
        intent: nextIntent(live),
        sealed: sealSecrets(ctx.seal, row.id, secrets),
      },
    }
  })
  await failpoint('bring.stored')
  const link = ctx.hosts.link(live.row.host)
  const deadlineMs = ctx.clock.monotonicMs() + ctx.settings.createWaitMs
  try {
    await ctx.creates.run(
      live.row.project_id,
      () => ask(ctx, link, live, machineId, deadlineMs),
      AbortSignal.any([ctx.stopping, AbortSignal.timeout(ctx.settings.createWaitMs)]),
    )
  } catch (error) {
    await drop(ctx, live, machineId, String(error))
    throw asRefusal(error)
  }
  link.guest.release(before)
  if (!sleeps) ctx.background.run('end what was replaced', () => endMachine(ctx, link, live, before))
}

const ask = async (
  ctx: Context,
  link: HostLink,
  live: Live,
  machineId: string,
  deadlineMs: number,
): Promise<void> => {
  const waitMs = Math.max(1, Math.floor(deadlineMs - ctx.clock.monotonicMs()))
  const spec = comingSpecOf(live, ctx, machineId)
  const signal = AbortSignal.any([ctx.stopping, AbortSignal.timeout(waitMs + answerSlackMs)])
  const report = await link.host.ensure(spec, { waitMs, signal })
  await failpoint('bring.answered')
  await observe(ctx, report)
  if (live.row.machine_id === machineId) {
    noteTold(ctx, live, spec)
    return
  }
  if (report.state !== 'failed') throw new PandaError('unavailable', 'it was not ready in time', retry)
  await link.host.forget(machineId).catch(() => undefined)
  throw refusalOf(report)
}

const retry = { retryAfterSeconds: 5 }

const refusalOf = (report: MachineReport): PandaError => {
  const text = `the sandbox could not be restored: ${failureOf(report)}`
  if (report.reason === 'capacity') return noCapacity('the host has no room for it')
  const code = snapshotCodeOf(report.reason)
  if (code) return new PandaError(code, text)
  return new PandaError('unavailable', text, retry)
}

const asRefusal = (error: unknown): unknown => {
  if (error instanceof QueueFull) return noCapacity('too many creates are waiting')
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return noCapacity('no host had a turn for it in time')
  return error
}

/** Forgets a machine that did not come to run, or is not waited for any more. */
export const drop = async (ctx: Context, live: Live, machineId: string, why: string): Promise<void> => {
  try {
    const after = await change(ctx, live.row.id, (row) =>
      row.coming_machine_id === machineId ? droppedComing(row, why) : null,
    )
    if (after.row.machine_id !== machineId)
      await endMachine(ctx, ctx.hosts.link(live.row.host), live, machineId)
  } catch (err) {
    ctx.log.warn({ err, sandbox: live.row.id }, 'a machine that did not come is still to be ended')
  }
}

/** Repair ends it if this does not. */
const endMachine = async (ctx: Context, link: HostLink, live: Live, machineId: string): Promise<void> => {
  const intent = nextIntent(live)
  live.intent = intent
  const report = { machineId, sandboxId: live.row.id, intent }
  const said = await link.host.ensure(endOf(report), { waitMs: ctx.settings.changeWaitMs })
  if (said.state === 'gone') await link.host.forget(machineId)
}
