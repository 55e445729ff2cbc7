// Diff: which files of the disk differ between two sandboxes or snapshots of one template, or between one and its template.
// The hosts say what differs from the image; only that is compared. Memory file systems (/tmp, /run, /dev/shm) are not of
// the disk.

import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff'
import type { Diff, FileDiff } from '@pandastack/contracts/http/snapshots.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import type { Changes } from '../ports/host-port.ts'
import { conflict } from '../refusals.ts'
import { ownedSnapshot } from '../sandboxes/origin.ts'
import { owned } from '../sandboxes/owned.ts'
import { changesBetween } from './compare.ts'
import type { Difference } from './compare.ts'

const filesMax = 5000
const patchMs = 200

export const diff = async (
  ctx: Context,
  caller: Caller,
  to: string,
  from: string | null,
  options: { signal?: AbortSignal },
): Promise<Diff> => {
  const [after, before] = await Promise.all([
    changesOf(ctx, caller, to, options.signal),
    from === null ? null : changesOf(ctx, caller, from, options.signal),
  ])
  if (before && before.image !== after.image) throw conflict('the two are not of the same template')
  const unchanged: Changes = { files: [], truncated: false, image: after.image }
  const found = changesBetween(before ?? unchanged, after)
  return {
    from: from ?? 'template',
    to,
    files: found.slice(0, filesMax).map(toFileDiff),
    truncated: found.length > filesMax || after.truncated || (before?.truncated ?? false),
  }
}

const changesOf = async (
  ctx: Context,
  caller: Caller,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Changes> => {
  const live = await owned(ctx, caller, id).catch(notFoundAsNull)
  if (!live) {
    const { host, id: snapshotId } = await ownedSnapshot(ctx, caller, id)
    return ctx.hosts.link(host).host.changes({ snapshotId }, signal)
  }
  const { host } = ctx.hosts.link(live.row.host)
  const { status, hibernation, machine_id: machineId } = live.row
  if (status === 'hibernated' && hibernation !== null)
    return host.changes({ snapshotId: hibernation }, signal)
  if (status === 'running' || status === 'paused') return host.changes({ machineId }, signal)
  throw conflict(`the sandbox is ${status}`)
}

const notFoundAsNull = (error: unknown): null => {
  if (error instanceof PandaError && error.code === 'not_found') return null
  throw error
}

const toFileDiff = (found: Difference): FileDiff => ({
  path: found.path,
  change: found.change,
  kind: found.kind,
  size_bytes: found.sizeBytes,
  text_diff: textDiff(found),
})

/** Null unless both sides are text, or the one that is there. */
const textDiff = ({ path, change, kind, before, after }: Difference): string | null => {
  if (kind !== 'file') return null
  if ((change !== 'added' && before === null) || (change !== 'removed' && after === null)) return null
  const names = [
    change === 'added' ? '/dev/null' : `a${path}`,
    change === 'removed' ? '/dev/null' : `b${path}`,
  ]
  const [oldName = '', newName = ''] = names
  const options = { context: 3, timeout: patchMs, headerOptions: FILE_HEADERS_ONLY }
  return (
    createTwoFilesPatch(oldName, newName, before ?? '', after ?? '', undefined, undefined, options) ?? null
  )
}
