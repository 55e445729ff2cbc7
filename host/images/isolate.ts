// Runs a build command in mount and process namespaces of its own. Whatever it mounts into a tree is invisible outside
// and gone when it ends, however it ends: nobody who removes a tree can reach the host's files through it.
// Fails with BuildFailed, which carries the complaints in the command's log.

import { readFile } from 'node:fs/promises'
import { run } from '@pandastack/kit/process/run.ts'
import { follow } from './progress.ts'

export interface BuildContext {
  /** Environment of commands that talk to the network: proxy variables and what package clients are configured by. */
  toolEnv: Readonly<Record<string, string>>
  signal: AbortSignal
}

export class BuildFailed extends Error {
  override readonly name = 'BuildFailed'
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** No build takes longer than this, even over a slow line. */
const deadlineMs = 30 * 60_000

/** What went wrong is often said long before the end: lines that name an error, or else the last ones. */
const complaints = (log: string): string => {
  const lines = log.trim().split('\n')
  const named = lines.filter((line) => /^(E:|dpkg: error|.*\b(error|failed|cannot)\b)/i.test(line))
  return (named.length > 0 ? named.slice(-8) : lines.slice(-8)).join('\n').slice(-1500)
}

export interface Step {
  /** For messages: what the command is for. */
  what: string
  /** A shell script; the arguments follow as $1, $2 and so on. Its output goes to the log. */
  script: string
  args: readonly string[]
  /** File for the output. */
  log: string
  /** Option of unshare that says where /proc is mounted. */
  procAt?: string
  onLog?: (log: string) => void
}

/** Runs the script to its end. */
export const runIsolated = async (step: Step, { toolEnv, signal }: BuildContext): Promise<void> => {
  const { what, script, args, log, procAt = '/proc', onLog } = step
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child=SIGKILL', `--mount-proc=${procAt}`]
  const shell = ['sh', '-euc', `exec >"$0" 2>&1\n${script}`, log, ...args]
  const env = {
    ...toolEnv,
    PATH: path,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
  }
  using followed = follow(log, onLog ?? (() => undefined))
  const result = await run('unshare', [...namespaces, ...shell], { deadlineMs, env, signal, graceMs: 2000 })
  followed[Symbol.dispose]()
  if (result.exitCode === 0) return
  const words = complaints(await readFile(log, 'utf8').catch(() => '')) || result.stderr.trim()
  throw new BuildFailed(`${what} ${result.timedOut ? 'took too long' : 'failed'}: ${words}`)
}

/** Runs a script with the tree as its root directory; it sees the host's devices and its own processes. */
export const runInTree = (
  tree: string,
  step: Omit<Step, 'procAt' | 'args'>,
  context: BuildContext,
): Promise<void> =>
  runIsolated(
    {
      ...step,
      procAt: `${tree}/proc`,
      script: 'mount --bind /dev "$1/dev"\nexec chroot "$1" sh -euc "$2"',
      args: [tree, step.script],
    },
    context,
  )
