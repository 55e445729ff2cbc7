// Runs runsc commands. The only file besides `launch` that knows what runsc prints and how it fails.

import { readFile } from 'node:fs/promises'
import { run } from '@pandastack/kit/process/run.ts'
import { DriverError, type DriverErrorKind } from '@pandastack/driver/driver.ts'
import type { GvisorConfig } from './config.ts'
import { globalFlags } from './launch.ts'

/** What runsc says when the thing itself is the problem, not the command. */
const failures: [RegExp, DriverErrorKind][] = [
  [/no space left on device/i, 'no_space'],
  [/version does not match|superblock mismatch|incompatible|cpu feature/i, 'incompatible_snapshot'],
  [
    /failed to load|error decoding|(state|pages) file .* failed|statefile|checksum|corrupt|unexpected EOF/i,
    'corrupt_snapshot',
  ],
  [/does not exist|not running|connection refused/i, 'dead'],
]

const kindOf = (text: string): DriverErrorKind =>
  failures.find(([pattern]) => pattern.test(text))?.[1] ?? 'failed'

const outputMaxBytes = 65_536

const verbOf = (args: string[]): string => args.find((arg) => !arg.startsWith('--')) ?? ''

/** Runs `runsc <args>`; throws a DriverError that carries the last thing runsc said. */
export async function runsc(
  config: GvisorConfig,
  args: string[],
  options: { signal: AbortSignal; deadlineMs?: number },
): Promise<string> {
  return await command(config.runscPath, [...globalFlags(config), ...args], verbOf(args), options, config)
}

/** Runs any command of the driver's with its deadline; `verb` names it in errors, `logPath` is where else it may speak. */
export async function command(
  program: string,
  args: string[],
  verb: string,
  options: { signal: AbortSignal; deadlineMs?: number; logPath?: string },
  config: GvisorConfig,
): Promise<string> {
  options.signal.throwIfAborted()
  const result = await run(program, args, {
    deadlineMs: options.deadlineMs ?? config.commandDeadlineMs,
    maxOutputBytes: outputMaxBytes,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    signal: options.signal,
  })
  if (result.exitCode === 0) return result.stdout
  options.signal.throwIfAborted()
  if (result.timedOut) throw new DriverError('deadline', `runsc ${verb} did not finish in time`)
  const said = `${result.stderr}\n${options.logPath ? await tail(options.logPath) : ''}`.trim()
  throw failureOf(verb, said)
}

/** What runsc said, as an error whose kind the agent can act on. */
export const failureOf = (verb: string, said: string): DriverError =>
  new DriverError(kindOf(said), `runsc ${verb} failed: ${reasonIn(said)}`)

/** A panic inside the sandbox comes with its stack below it; otherwise the last thing said is the reason. */
const reasonIn = (text: string): string => {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const stack = lines.findIndex((line) => /^goroutine \d+ \[/.test(line))
  return (stack > 0 ? lines[stack - 1] : lines.at(-1))?.trim().slice(0, 500) ?? 'no message'
}

async function tail(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).slice(-2000)
  } catch {
    return ''
  }
}
