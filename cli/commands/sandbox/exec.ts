import { once } from 'node:events'
import { buildCommand } from '@stricli/core'
import { ApiError, Unreachable } from '@pandastack/client/errors.ts'
import { clientFor, printJson, type Context } from '../../context.ts'
import { exitCodes } from '../../exit-codes.ts'
import { Refusal } from '../../exit-codes.ts'
import type { Screen } from '../../terminal/steps.ts'
import { commandLine } from '../../text/shell-quote.ts'
import { jsonFlag, pairs, seconds, text } from '../flags.ts'

interface Flags {
  cwd?: string
  user?: string
  env?: string[]
  timeout?: number
  json: boolean
}

/** Waits when the reader of our output is slower than the sandbox. */
const put = async (screen: Screen, chunk: string): Promise<void> => {
  if (screen.write(chunk) === false) await once(screen as unknown as NodeJS.WritableStream, 'drain')
}

/** Everything that is not the command's own doing has a code of its own. */
const aroundCommand = (error: unknown): unknown =>
  error instanceof ApiError || error instanceof Unreachable
    ? new Refusal(error.message, { exitCode: exitCodes.aroundCommand, cause: error })
    : error

export const execInSandbox = buildCommand({
  docs: {
    brief: 'Run a command in a sandbox; its output and exit code are ours',
    fullDescription:
      'Runs a command in a sandbox: `sandbox exec ID -- python3 -c "print(1)"`. Several words are a program and its ' +
      'arguments; a single word is shell text. Exit code 125: the command could not be run or its result is not known.',
  },
  parameters: {
    flags: {
      cwd: { kind: 'parsed', parse: text, brief: 'Directory to run in', optional: true },
      user: { kind: 'parsed', parse: text, brief: 'User to run as (root)', optional: true },
      env: { kind: 'parsed', parse: text, brief: 'NAME=VALUE', optional: true, variadic: true },
      timeout: { kind: 'parsed', parse: seconds, brief: 'Ends it after this time (30s, 5m)', optional: true },
      json: jsonFlag,
    },
    aliases: { w: 'cwd', u: 'user', e: 'env' },
    positional: {
      kind: 'array',
      parameter: { brief: 'Id of the sandbox, then the command', placeholder: 'id -- command', parse: text },
      minimum: 2,
    },
  },
  async func(this: Context, flags: Flags, id: string, ...words: string[]) {
    const client = await clientFor(this)
    const env = pairs(flags.env)
    const request = {
      cmd: commandLine(words),
      ...(flags.cwd !== undefined && { cwd: flags.cwd }),
      ...(flags.user !== undefined && { user: flags.user }),
      ...(flags.timeout !== undefined && { timeout_seconds: flags.timeout }),
      ...(env && { env }),
    }
    const { signal } = this
    try {
      if (flags.json) {
        const result = await client.exec.run(id, request, { signal })
        printJson(this, result)
        return this.setExitCode(result.exit_code)
      }
      for await (const event of client.exec.stream(id, request, { signal })) {
        if (event.kind === 'exit') this.setExitCode(event.exitCode)
        else await put(this.process[event.kind], event.chunk)
      }
    } catch (error) {
      throw aroundCommand(error)
    }
  },
})
