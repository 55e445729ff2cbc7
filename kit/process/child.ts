// How children come to be: without a shell, leader of a session and group of their own, and with nothing of our
// environment.

import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { bareEnvironment } from './environment.ts'
import { SpawnFailed } from './errors.ts'

export interface ChildOptions {
  /** The whole environment of the child. Default: where programs are and how text is encoded. */
  env?: Readonly<Record<string, string>>
  cwd?: string
  uid?: number
  gid?: number
}

export interface Ending {
  exitCode: number | null
  signal: NodeJS.Signals | null
}

export interface Child {
  process: ChildProcess
  /** Rejects with SpawnFailed. */
  started: Promise<void>
}

export const startChild = (
  command: string,
  args: readonly string[],
  stdio: StdioOptions,
  options: ChildOptions,
): Child => {
  const { env = bareEnvironment, cwd, uid, gid } = options
  const child = spawn(command, args, {
    detached: true,
    stdio,
    env: { ...env },
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  })
  const started = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.on('error', (cause) => reject(new SpawnFailed(command, cause)))
  })
  return { process: child, started }
}
