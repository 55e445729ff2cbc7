// Attempts: several commands tried side by side from the very same instant of a sandbox, compared, and the best one kept.
// One capture; children are made as turns come, at most `concurrency` at a time, and end as soon as they cannot win any
// more. Should this process die, the next one ends them all.

import type { AttemptOutcome, AttemptsRequest, AttemptsResult } from '@pandastack/contracts/http/snapshots.ts'
import { newSandboxId } from '@pandastack/contracts/ids.ts'
import { beginOperation, endOperation } from '@pandastack/db/tables/operations.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { captureForForks } from '../forks/capture.ts'
import { childrenOf, endAll } from '../forks/end-all.ts'
import { owned } from '../sandboxes/owned.ts'
import type { Live } from '../sandboxes/registry.ts'
import { attempt, blank } from './attempt.ts'
import type { Attempted, Command, Trial } from './attempt.ts'
import { best, isEnough } from './score.ts'
import { crown } from './winner.ts'

interface Options {
  onOutcome?: (outcome: AttemptOutcome) => void
  signal: AbortSignal
}

const concurrencyDefault = 4
const deadlineSecondsDefault = 600
const labelMax = 80
/** Beyond the deadline of all: for whoever looks at what was kept. */
const ttlSlackSeconds = 60

export const run = (
  ctx: Context,
  caller: Caller,
  parentId: string,
  request: AttemptsRequest,
  options: Options,
): Promise<AttemptsResult> => ctx.background.keep(runNow(ctx, caller, parentId, request, options))

const runNow = async (
  ctx: Context,
  caller: Caller,
  parentId: string,
  request: AttemptsRequest,
  options: Options,
): Promise<AttemptsResult> => {
  const parent = await owned(ctx, caller, parentId)
  const operationId: string = newSandboxId()
  const operation = { id: operationId, project_id: caller.projectId, kind: 'attempts' as const }
  await beginOperation(ctx.db, { ...operation, sandbox_id: parent.row.id })
  const all: Attempted[] = []
  const deadlineSeconds = request.deadline_seconds ?? deadlineSecondsDefault
  try {
    using capture = await captureForForks(ctx, parent)
    const trial: Trial = {
      caller,
      parent,
      capture,
      operationId,
      request,
      before: needsFiles(request) ? filesBefore(ctx, parent, capture.source.snapshotId) : null,
      ttlSeconds: Math.ceil(deadlineSeconds) + ttlSlackSeconds,
    }
    await tryAll(ctx, trial, all, options, deadlineSeconds)
    const outcomes = outcomesOf(request, all)
    const chosen = best(
      all.map(({ outcome }) => outcome),
      request.stop,
    )
    const winner = all.find(({ outcome }) => outcome === chosen)
    const kept = winner?.child ? await crown(ctx, trial, winner.child, winner) : nothingKept
    const winnerIndex = chosen?.index ?? null
    return { parent_id: parent.row.id, pause_ms: capture.pauseMs, outcomes, winner: winnerIndex, ...kept }
  } finally {
    await endAll(ctx, childrenOf(ctx, operationId))
    await endOperation(ctx.db, operationId).catch(() => undefined)
  }
}

const nothingKept = { winner_sandbox_id: null, merged: [], merge_error: null }

const needsFiles = ({ files, winner }: AttemptsRequest): boolean => files !== false || winner === 'merge'

/** Restored once beside the children, and looked at. */
const filesBefore = (ctx: Context, parent: Live, snapshotId: string) => {
  const before = ctx.hosts.link(parent.row.host).host.changes({ snapshotId })
  // Whoever needs it hears of its failure.
  before.catch(() => undefined)
  return before
}

const outcomesOf = (request: AttemptsRequest, all: readonly Attempted[]): AttemptOutcome[] =>
  commandsOf(request).map(
    ({ label }, index) => all.find(({ outcome }) => outcome.index === index)?.outcome ?? blank(index, label),
  )

const commandsOf = (request: AttemptsRequest): Command[] =>
  request.commands.map((given) => {
    const { cmd, label, env = {}, cwd, timeout_seconds } = typeof given === 'string' ? { cmd: given } : given
    return {
      cmd,
      label: label ?? cmd.slice(0, labelMax),
      env,
      ...(cwd !== undefined && { cwd }),
      timeoutSeconds: timeout_seconds ?? request.deadline_seconds ?? deadlineSecondsDefault,
    }
  })

/** Fills `all` in the order of ending. */
const tryAll = async (
  ctx: Context,
  trial: Trial,
  all: Attempted[],
  { onOutcome, signal }: Options,
  deadlineSeconds: number,
): Promise<void> => {
  const { request } = trial
  const enough = new AbortController()
  const deadline = AbortSignal.timeout(Math.ceil(deadlineSeconds * 1000))
  const over = AbortSignal.any([enough.signal, deadline, signal, ctx.stopping])
  const rest = commandsOf(request).entries()
  const worker = async (): Promise<void> => {
    for (const [index, command] of rest) {
      if (over.aborted) return
      const attempted = await attempt(ctx, trial, command, index, over)
      all.push(attempted)
      onOutcome?.(attempted.outcome)
      if (isEnough(attempted.outcome, request)) enough.abort(new Error('a success was enough'))
      await endLosers(ctx, all, request)
    }
  }
  const workers = Math.min(request.concurrency ?? concurrencyDefault, request.commands.length)
  await Promise.all(Array.from({ length: workers }, worker))
  signal.throwIfAborted()
}

const endLosers = async (
  ctx: Context,
  all: readonly Attempted[],
  request: AttemptsRequest,
): Promise<void> => {
  const leader = best(
    all.map(({ outcome }) => outcome),
    request.stop,
  )
  const losers = all.flatMap(({ outcome, child }) =>
    outcome !== leader && child && child.row.deleted_at === null ? [child] : [],
  )
  await endAll(ctx, losers)
}
