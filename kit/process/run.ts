// Runs a short command to its end. The child leads a process group of its own; at the deadline, on abort, and when we
// exit, the whole group is ended, first politely. Fails with SpawnFailed if it cannot be started, with the signal's
// reason if aborted; a bad exit code is a result, not a failure (see runChecked).

import type { ChildProcess } from 'node:child_process'
import { startChild, type ChildOptions, type Ending } from './child.ts'
import { collect } from './collect.ts'
import { CommandFailed } from './errors.ts'

export interface RunOptions extends ChildOptions {
  /** The group is ended after this long. */
  deadlineMs: number
  /** Written whole, then closed. Without it stdin is empty. */
  stdin?: string | Uint8Array
  /** Kept of stdout and of stderr each; the rest is read and dropped. Default 1 MiB. */
  maxOutputBytes?: number
  signal?: AbortSignal
  /** Between the polite signal and the forced one. Default 500. */
  graceMs?: number
}

export interface RunResult extends Ending {
  stdout: string
  stderr: string
  timedOut: boolean
  truncated: boolean
}

/** How long output may still trickle in from processes that outlive the child and hold its pipes. */
const drainMs = 200
/** How long we wait for a child that even the forced signal does not end: it hangs in the kernel. */
const abandonMs = 2000

const live = new Set<number>()
let watchesExit = false

const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal)
  } catch {
    // Gone already, which is what was wanted.
  }
}

/** Children in groups of their own get no signal from our terminal or from our end. */
const endWithUs = (pid: number): void => {
  live.add(pid)
  if (watchesExit) return
  watchesExit = true
  process.on('exit', () => live.forEach((group) => signalGroup(group, 'SIGKILL')))
}

/** Settles when the child has ended and its pipes are closed, or are not going to be. */
const ended = (child: ChildProcess): Promise<Ending> =>
  new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => {
      const patience = setTimeout(() => resolve({ exitCode, signal }), drainMs)
      child.once('close', () => {
        clearTimeout(patience)
        resolve({ exitCode, signal })
      })
    })
  })

const releasePipes = (child: ChildProcess): void => {
  for (const stream of child.stdio) stream?.destroy()
  child.unref()
}

/** Ends the group politely, then by force; the returned promise settles when the child should be taken as lost. */
const endGroupSoon = (pid: number, graceMs: number, over: AbortSignal): Promise<Ending> => {
  signalGroup(pid, 'SIGTERM')
  return new Promise((resolve) => {
    const force = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
    const abandon = setTimeout(() => resolve({ exitCode: null, signal: null }), graceMs + abandonMs)
    over.addEventListener('abort', () => [force, abandon].forEach(clearTimeout), { once: true })
  })
}

/** Runs `command` without a shell and answers with what it said and how it ended. */
export const run = async (
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> => {
  const { deadlineMs, maxOutputBytes = 1_048_576, graceMs = 500, signal } = options
  signal?.throwIfAborted()
  const stdio = [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] as const
  const { process: child, started } = startChild(command, args, [...stdio], options)
  await started
  const pid = child.pid as number
  endWithUs(pid)
  const stdout = collect(child.stdout!, maxOutputBytes)
  const stderr = collect(child.stderr!, maxOutputBytes)
  child.stdin?.on('error', () => undefined).end(options.stdin)

  const over = new AbortController()
  let timedOut = false
  const stopped = new Promise<Ending>((resolve) => {
    const stop = (): void => void endGroupSoon(pid, graceMs, over.signal).then(resolve)
    const deadline = setTimeout(() => {
      timedOut = true
      stop()
    }, deadlineMs)
    signal?.addEventListener('abort', stop, { once: true, signal: over.signal })
    if (signal?.aborted) stop()
    over.signal.addEventListener('abort', () => clearTimeout(deadline), { once: true })
  })
  try {
    const ending = await Promise.race([ended(child), stopped])
    signal?.throwIfAborted()
    const truncated = stdout.truncated() || stderr.truncated()
    return { stdout: stdout.text(), stderr: stderr.text(), ...ending, timedOut, truncated }
  } finally {
    if (timedOut || signal?.aborted) signalGroup(pid, 'SIGKILL')
    over.abort()
    live.delete(pid)
    releasePipes(child)
  }
}

/** Like `run`, but anything except exit code 0 is a CommandFailed. */
export const runChecked = async (
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> => {
  const result = await run(command, args, options)
  if (result.exitCode !== 0 || result.timedOut) throw new CommandFailed(command, result)
  return result
}
