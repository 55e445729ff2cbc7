// The ways in which a command disappoints. Arguments are left out of the messages: they may hold secrets.

import type { RunResult } from './run.ts'

/** The command could not be started at all: not found, not allowed, out of processes. */
export class SpawnFailed extends Error {
  override name = 'SpawnFailed'
  readonly command: string

  constructor(command: string, cause: unknown) {
    super(`${command} could not be started`, { cause })
    this.command = command
  }
}

const ending = ({ timedOut, signal, exitCode }: RunResult): string => {
  if (timedOut) return 'did not end before its deadline'
  return signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`
}

const lastWords = ({ stderr, stdout }: RunResult): string => (stderr.trim() || stdout.trim()).slice(-500)

/** The command ran and did not end well. */
export class CommandFailed extends Error {
  override name = 'CommandFailed'
  readonly command: string
  readonly result: RunResult

  constructor(command: string, result: RunResult) {
    const words = lastWords(result)
    super(`${command} ${ending(result)}${words === '' ? '' : `: ${words}`}`)
    this.command = command
    this.result = result
  }
}
