// What becomes of the best attempt: it goes, it stays as a sandbox of its own, it becomes the parent, or the files that it
// changed are written into the parent, which keeps its own memory.

import type { AttemptOutcome, AttemptsResult } from '@pandastack/contracts/http/snapshots.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { Context } from '../context.ts'
import { takeOver } from '../forks/promote.ts'
import { forCaller } from '../refusals.ts'
import { awake } from '../sandboxes/awake.ts'
import { change } from '../sandboxes/change.ts'
import type { Live } from '../sandboxes/registry.ts'
import type { Attempted, Trial } from './attempt.ts'
import { callGuest, runIn } from './command.ts'

type Kept = Pick<AttemptsResult, 'winner_sandbox_id' | 'merged' | 'merge_error'>

export const crown = async (
  ctx: Context,
  { parent, request }: Trial,
  winner: Live,
  { outcome, truncated }: Pick<Attempted, 'outcome' | 'truncated'>,
): Promise<Kept> => {
  const nothing: Kept = { winner_sandbox_id: null, merged: [], merge_error: null }
  if (request.winner === 'take_over') {
    return { ...nothing, winner_sandbox_id: await takeOver(ctx, parent, winner) }
  }
  if (request.winner === 'keep') {
    await change(ctx, winner.row.id, () => ({ change: { operation_id: null } }))
    return { ...nothing, winner_sandbox_id: winner.row.id }
  }
  if (request.winner !== 'merge') return nothing
  try {
    if (truncated) throw new PandaError('too_large', 'too many files were changed to be merged')
    await merge(ctx, winner, parent, outcome.files)
    return { ...nothing, merged: outcome.files.map(({ path }) => path) }
  } catch (error) {
    const told = forCaller(error)
    return { ...nothing, merge_error: told instanceof Error ? told.message : String(told) }
  }
}

const stepMs = 120_000
/** Inside both sandboxes, where no diff looks; removed at the end. */
const archive = '/run/pandastack-merge.tar'
const list = '/run/pandastack-merge.list'

/** Packed inside the winner, unpacked inside the parent: owners, modes and links come along, and no path is ours. */
const merge = async (
  ctx: Context,
  winner: Live,
  parent: Live,
  files: AttemptOutcome['files'],
): Promise<void> => {
  await awake(ctx, parent)
  const kept = files.filter(({ change: kind }) => kind !== 'removed').map(({ path }) => path)
  const removed = files.filter(({ change: kind }) => kind === 'removed').map(({ path }) => path)
  const signal = AbortSignal.any([ctx.stopping, AbortSignal.timeout(stepMs * 4)])
  try {
    if (kept.length > 0) {
      await writeList(ctx, winner, kept, signal)
      await mustRun(ctx, winner, `tar --no-recursion --null -C / -T ${list} -cf ${archive}`, signal)
      const packed = await callGuest(ctx, winner, { method: 'GET', path: fileUrl(archive), signal })
      await writeFile(ctx, parent, archive, packed.body, signal)
      await mustRun(ctx, parent, `tar -C / --overwrite -xpf ${archive}`, signal)
    }
    if (removed.length > 0) {
      await writeList(ctx, parent, removed, signal)
      await mustRun(ctx, parent, `cd / && xargs -0 rm -rf -- < ${list}`, signal)
    }
  } finally {
    const tidy = { cmd: `rm -f ${archive} ${list}`, timeout_ms: stepMs }
    await runIn(ctx, parent, tidy, AbortSignal.timeout(stepMs)).catch(() => undefined)
  }
}

const fileUrl = (path: string): string => `/v1/files?path=${encodeURIComponent(path)}`

const writeFile = async (
  ctx: Context,
  live: Live,
  path: string,
  body: string | Buffer | NonNullable<Parameters<typeof callGuest>[2]['body']>,
  signal: AbortSignal,
): Promise<void> => {
  const headers = { 'content-type': 'application/octet-stream' }
  const reply = await callGuest(ctx, live, { method: 'PUT', path: fileUrl(path), headers, body, signal })
  reply.body.resume()
}

/** Relative to the root, each ended by NUL. */
const writeList = (ctx: Context, live: Live, paths: string[], signal: AbortSignal): Promise<void> =>
  writeFile(ctx, live, list, paths.map((path) => `.${path}\0`).join(''), signal)

const mustRun = async (ctx: Context, live: Live, cmd: string, signal: AbortSignal): Promise<void> => {
  const { exit_code, stderr, timed_out } = await runIn(
    ctx,
    live,
    { cmd, timeout_ms: stepMs, user: 'root' },
    signal,
  )
  if (exit_code !== 0 || timed_out)
    throw new PandaError('upstream', `merging failed: ${stderr.slice(-300) || `exit code ${exit_code}`}`)
}
