// Starts a process that is to outlive us: leader of its own session and group, no pipe of ours in its hands, nothing
// of our environment. The caller records the identity it gets and owns the process from then on.
// Fails with SpawnFailed.

import { closeSync, openSync } from 'node:fs'
import { startChild, type ChildOptions, type Ending } from './child.ts'
import { statOf, type ProcessIdentity } from './identity.ts'

export type { Ending }

export interface DetachedOptions extends ChildOptions {
  /** Files; what is not named is /dev/null. Output is appended. */
  stdio?: { stdin?: string; stdout?: string; stderr?: string }
}

export interface Detached extends ProcessIdentity {
  /** Settles when the process ends, for as long as we are the ones who started it. */
  ended: Promise<Ending>
}

/** Starts `command` without a shell and lets go of it. */
export const spawnDetached = async (
  command: string,
  args: readonly string[],
  options: DetachedOptions = {},
): Promise<Detached> => {
  const { stdio = {} } = options
  const opened: number[] = []
  const open = (path: string | undefined, flags: string): number | 'ignore' => {
    if (path === undefined) return 'ignore'
    const file = openSync(path, flags, 0o600)
    opened.push(file)
    return file
  }
  try {
    const files = [open(stdio.stdin, 'r'), open(stdio.stdout, 'a'), open(stdio.stderr, 'a')]
    const { process: child, started } = startChild(command, args, files, options)
    // Read before anything is awaited: until then even a child that has already ended is not reaped.
    const startTime = child.pid === undefined ? undefined : statOf(child.pid)?.startTime
    const ended = new Promise<Ending>((resolve) => {
      child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }))
    })
    await started
    child.unref()
    return { pid: child.pid as number, startTime: startTime as string, ended }
  } finally {
    opened.forEach((file) => closeSync(file))
  }
}
