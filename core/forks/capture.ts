// The one capture behind all children of a fork: of the running machine, for the next moments only; or, of a hibernated
// sandbox, the snapshot that it is. Disposing lets the host forget it; a restore under way keeps what it needs.

import { newCaptureId } from '@pandastack/contracts/ids.ts'
import type { Context } from '../context.ts'
import { askForSnapshot } from '../sandboxes/capture.ts'
import type { Live } from '../sandboxes/registry.ts'
import type { Source } from '../sandboxes/secrets.ts'

export interface Capture extends Disposable {
  source: Source
  pauseMs: number
}

export const captureForForks = async (ctx: Context, live: Live): Promise<Capture> => {
  await live.saving?.catch(() => undefined)
  const { guestToken } = live.secrets
  const { host: hostName, status, hibernation } = live.row
  if (status === 'hibernated' && hibernation !== null) {
    const source = { snapshotId: hibernation, digest: '', guestToken }
    const held = ctx.passing.hold(hibernation)
    return { source, pauseMs: 0, [Symbol.dispose]: () => held[Symbol.dispose]() }
  }
  const snapshotId = newCaptureId()
  const held = ctx.passing.hold(snapshotId)
  const dispose = (): void => {
    ctx.background.run('let go of a capture', async () => {
      await ctx.hosts.link(hostName).host.dropSnapshot(snapshotId)
      held[Symbol.dispose]()
    })
  }
  try {
    const { pauseMs } = await askForSnapshot(ctx, live, { snapshotId, durable: false })
    ctx.measures.captures.inc({ kind: 'fork', outcome: 'taken' })
    return { source: { snapshotId, digest: '', guestToken }, pauseMs, [Symbol.dispose]: dispose }
  } catch (error) {
    ctx.measures.captures.inc({ kind: 'fork', outcome: 'failed' })
    dispose()
    throw error
  }
}
