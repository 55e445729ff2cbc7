// Runs a long command with its output in a file, so that nothing is lost and the caller can look at it meanwhile. The
// command ends with us when we are asked to end, and its last lines are in the error when it fails.

import { appendFile, open } from 'node:fs/promises'
import { setInterval } from 'node:timers'
import { spawnDetached } from '@pandastack/kit/process/detached.ts'
import { endGroup } from '@pandastack/kit/process/end.ts'
import { Refusal } from '../exit-codes.ts'

export interface LoggedOptions {
  logFile: string
  env: Record<string, string>
  cwd: string
  signal: AbortSignal
  /** Its output so far, at intervals while it runs; at most the first `watchedBytesMax`. */
  onOutput?: (text: string) => void
}

const lookEveryMs = 500
const watchedBytesMax = 8 * 1024 * 1024
const lastLines = 25

const textFrom = async (file: string, position: number): Promise<string> => {
  await using handle = await open(file, 'r')
  const { size } = await handle.stat()
  const buffer = Buffer.alloc(Math.min(watchedBytesMax, Math.max(0, size - position)))
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
  return buffer.toString('utf8', 0, bytesRead)
}

const sizeOf = async (file: string): Promise<number> => {
  await using handle = await open(file, 'a', 0o644)
  return (await handle.stat()).size
}

/** Answers with everything that the command has written. */
export const runLogged = async (command: readonly string[], options: LoggedOptions): Promise<string> => {
  const { logFile, env, cwd, signal, onOutput } = options
  signal.throwIfAborted()
  await appendFile(logFile, `-- ${new Date().toISOString()} ${command.join(' ')}\n`)
  const position = await sizeOf(logFile)
  const [program = '', ...args] = command
  const child = await spawnDetached(program, args, { env, cwd, stdio: { stdout: logFile, stderr: logFile } })
  const look = (): void => void textFrom(logFile, position).then(onOutput, () => undefined)
  const timer = onOutput && setInterval(look, lookEveryMs)
  const stop = (): void => void endGroup(child, { graceMs: 5000 })
  signal.addEventListener('abort', stop)
  try {
    const ending = await child.ended
    signal.throwIfAborted()
    const output = await textFrom(logFile, position)
    if (ending.exitCode === 0) return output
    const how = ending.signal === null ? `exit code ${ending.exitCode}` : `ended by ${ending.signal}`
    const end = output.trimEnd().split('\n').slice(-lastLines)
    throw new Refusal(
      `${program} failed (${how}). The end of its output:\n${end.map((line) => `    ${line}`).join('\n')}`,
      {
        hint: `all of it: ${logFile}`,
      },
    )
  } finally {
    clearInterval(timer)
    signal.removeEventListener('abort', stop)
  }
}
