// One attempt: a child of the capture, a command in it, its score, and the files it changed. The child is left for the
// caller to keep or to end; an attempt that could not be made has none. Never throws.

import type { AttemptOutcome, AttemptsRequest } from '@pandastack/contracts/http/snapshots.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { changesBetween } from '../diffs/compare.ts'
import { bear } from '../forks/fork.ts'
import type { Capture } from '../forks/capture.ts'
import type { Changes } from '../ports/host-port.ts'
import { forCaller } from '../refusals.ts'
import type { Live } from '../sandboxes/registry.ts'
import { runIn } from './command.ts'
import { lastNumber } from './score.ts'

export interface Command {
  cmd: string
  label: string
  env: Record<string, string>
  cwd?: string
  timeoutSeconds: number
}

export interface Trial {
  caller: Caller
  parent: Live
  capture: Capture
  operationId: string
  request: AttemptsRequest
  /** What the capture's disk was like; null where nobody asked. */
  before: Promise<Changes> | null
  ttlSeconds: number
}

export interface Attempted {
  outcome: AttemptOutcome
  child: Live | null
  /** There are more changed files than are named. */
  truncated: boolean
}

const scoreTimeoutMs = 60_000
const shownMax = 65_536

export const blank = (index: number, label: string): AttemptOutcome => ({
  index,
  label,
  sandbox_id: null,
  state: 'not_started',
  exit_code: null,
  stdout: '',
  stderr: '',
  score: null,
  duration_ms: 0,
  files: [],
  error: null,
})

export const attempt = async (
  ctx: Context,
  trial: Trial,
  command: Command,
  index: number,
  signal: AbortSignal,
): Promise<Attempted> => {
  const outcome = blank(index, command.label)
  let child: Live | null = null
  let truncated = false
  try {
    const made = await bear(ctx, trial.caller, trial.parent, wishOf(trial, index), signal)
    child = await ctx.registry.find(made.id)
    if (!child) throw new Error('the child has ended')
    outcome.sandbox_id = made.id
    await perform(ctx, trial, child, command, outcome, signal)
    if (trial.before) {
      const after = await ctx.hosts.link(child.row.host).host.changes({ machineId: child.row.machine_id })
      const before = await trial.before
      truncated = before.truncated || after.truncated
      outcome.files = changesBetween(before, after).map(({ path, change }) => ({ path, change }))
    }
  } catch (error) {
    outcome.state = signal.aborted ? 'given_up' : 'failed'
    const told = forCaller(error)
    outcome.error = signal.aborted ? 'given up' : told instanceof Error ? told.message : String(told)
  }
  return { outcome, child, truncated }
}

const wishOf = (trial: Trial, index: number) => ({
  source: trial.capture.source,
  operationId: trial.operationId,
  metadata: {},
  role: 'attempt',
  index,
  env: {},
  ttlSeconds: trial.ttlSeconds,
})

const perform = async (
  ctx: Context,
  trial: Trial,
  child: Live,
  command: Command,
  outcome: AttemptOutcome,
  signal: AbortSignal,
): Promise<void> => {
  const { cmd, env, cwd, timeoutSeconds } = command
  const timeout_ms = Math.ceil(timeoutSeconds * 1000)
  const result = await runIn(ctx, child, { cmd, env, ...(cwd !== undefined && { cwd }), timeout_ms }, signal)
  outcome.exit_code = result.exit_code
  outcome.stdout = result.stdout.slice(-shownMax)
  outcome.stderr = result.stderr.slice(-shownMax)
  outcome.duration_ms = result.duration_ms
  outcome.state = result.timed_out ? 'timed_out' : result.exit_code === 0 ? 'succeeded' : 'failed'
  const { score_cmd: scoreCmd } = trial.request
  if (scoreCmd === undefined) outcome.score = outcome.state === 'succeeded' ? 1 : 0
  else if (outcome.state === 'succeeded') {
    const judged = await runIn(ctx, child, { cmd: scoreCmd, timeout_ms: scoreTimeoutMs }, signal)
    outcome.score = judged.exit_code === 0 ? lastNumber(judged.stdout) : null
    if (outcome.score === null) outcome.error = 'the score command gave no number'
  }
}
