// What a caller asks to be run, as the guest wire wants it.

import type { ExecRequest } from '@pandastack/contracts/http/shapes.ts'
import type { Command } from '@pandastack/contracts/wire/guest/v1/calls.ts'

/** A command of the size limit, each of its characters escaped. */
export const commandBodyMaxBytes = 50 * 1024 * 1024

/** Without a limit of the caller's: long, because clients that lose patience hang up, which ends the command. */
export const runSecondsDefault = 600
export const streamSecondsDefault = 86_400

export const guestCommand = (request: ExecRequest, defaultSeconds: number): Command => ({
  cmd: request.cmd,
  timeout_ms: Math.ceil((request.timeout_seconds ?? defaultSeconds) * 1000),
  ...(request.env && { env: request.env }),
  ...(request.cwd !== undefined && { cwd: request.cwd }),
  ...(request.user !== undefined && { user: request.user }),
})

/** The clients know a timeout by the word. */
export const timeoutSentence = (request: ExecRequest, defaultSeconds: number): string =>
  `command timeout after ${request.timeout_seconds ?? defaultSeconds} s`
