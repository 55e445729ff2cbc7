// Starts a process that is to outlive us: leader of its own session and group, no pipe of ours in its hands, nothing
// of our environment. The caller records the identity it gets and owns the process from then on.
// Fails with SpawnFailed.

import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { bareEnvironment } from './environment.ts'
import { SpawnFailed } from './errors.ts'
import { statOf, type ProcessIdentity } from './identity.ts'

export interface DetachedOptions {
  /** Files; what is not named is /dev/null. Output is appended. */
  stdio?: { stdin?: string; stdout?: string; stderr?: string }
  /** The whole environment of the child; nothing is inherited. */
  env?: Readonly<Record<string, string>>
  cwd?: string
  uid?: number
  gid?: number
}

export interface Ending {
  exitCode: number | null
  signal: NodeJS.Signals | null
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
  const { stdio = {}, env = bareEnvironment, cwd, uid, gid } = options
  const files: number[] = []
  const open = (path: string | undefined, flags: string): number | 'ignore' => {
    if (path === undefined) return 'ignore'
    const file = openSync(path, flags, 0o600)
    files.push(file)
    return file
  }
  try {
    const child = spawn(command, args, {
      detached: true,
      stdio: [open(stdio.stdin, 'r'), open(stdio.stdout, 'a'), open(stdio.stderr, 'a')],
      env: { ...env },
      ...(cwd !== undefined && { cwd }),
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    })
    // Read before anything is awaited: until then even a child that has already ended is not reaped.
    const startTime = child.pid === undefined ? undefined : statOf(child.pid)?.startTime
    const ended = new Promise<Ending>((resolve) => {
      child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }))
    })
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve)
      child.on('error', (cause) => reject(new SpawnFailed(command, cause)))
    })
    child.unref()
    return { pid: child.pid as number, startTime: startTime as string, ended }
  } finally {
    files.forEach(closeSync)
  }
}
