// Listens to every host's reports, and compares with it at the start, when it answers again, and now and then.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '../context.ts'
import type { HostLink } from '../hosts/hosts.ts'
import { repair, takeReport } from './repair.ts'
import type { Suspects } from './repair.ts'

/** Until the signal aborts. Never throws. */
export const watch = async (ctx: Context, signal: AbortSignal): Promise<void> => {
  await Promise.all(
    ctx.hosts.links.flatMap((link) => [listen(ctx, link, signal), compare(ctx, link, signal)]),
  )
}

const listen = async (ctx: Context, link: HostLink, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    try {
      await link.host.follow(
        (report) => ctx.background.run('take a report', () => takeReport(ctx, link, report)),
        signal,
      )
    } catch (err) {
      if (!signal.aborted) ctx.log.warn({ err, host: link.name }, 'the reports of a host broke off')
    }
    await pause(1000, signal)
  }
}

const compare = async (ctx: Context, link: HostLink, signal: AbortSignal): Promise<void> => {
  const suspects: Suspects = new Set()
  let failing = false
  while (!signal.aborted) {
    try {
      await repair(ctx, link, suspects)
      if (failing) ctx.log.info({ host: link.name }, 'the host answers again')
      failing = false
    } catch (err) {
      if (!failing && !signal.aborted)
        ctx.log.warn({ err, host: link.name }, 'a host could not be compared with our rows')
      failing = true
    }
    await pause(failing ? Math.min(1000, ctx.settings.repairEveryMs) : ctx.settings.repairEveryMs, signal)
  }
}

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {})
}
