import { buildCommand } from '@stricli/core'
import type { AttemptOutcome } from '@pandastack/client/client.ts'
import { clientFor, printJson, type Context } from '../../context.ts'
import { exitCodes, Refusal } from '../../exit-codes.ts'
import { createSteps } from '../../terminal/steps.ts'
import { attemptsTable, shortLabel } from '../../text/attempts.ts'
import { durationText } from '../../text/duration.ts'
import { fields } from '../../text/table.ts'
import { decimal, jsonFlag, seconds, text, wholeNumber } from '../flags.ts'

interface Flags {
  cmd?: string[]
  timeout?: number
  deadline?: number
  concurrency?: number
  stop?: 'first_success' | 'best_score' | 'all'
  scoreCmd?: string
  scoreEnough?: number
  winner?: 'none' | 'keep' | 'take_over' | 'merge'
  files: boolean
  json: boolean
}

const parameters = {
  flags: {
    cmd: { kind: 'parsed', parse: text, brief: 'One attempt, as shell text', optional: true, variadic: true },
    timeout: {
      kind: 'parsed',
      parse: seconds,
      brief: 'Ends each attempt after this time (5m)',
      optional: true,
    },
    deadline: {
      kind: 'parsed',
      parse: seconds,
      brief: 'Ends everything after this time (10m)',
      optional: true,
    },
    concurrency: {
      kind: 'parsed',
      parse: wholeNumber(1, 32),
      brief: 'At work at the same time (4)',
      optional: true,
    },
    stop: {
      kind: 'enum',
      values: ['first_success', 'best_score', 'all'],
      brief: 'When the rest is given up (all)',
      optional: true,
    },
    scoreCmd: {
      kind: 'parsed',
      parse: text,
      brief: 'Run after each attempt; the last number it prints is the score',
      optional: true,
    },
    scoreEnough: { kind: 'parsed', parse: decimal, brief: 'A score that ends the search', optional: true },
    winner: {
      kind: 'enum',
      values: ['none', 'keep', 'take_over', 'merge'],
      brief: 'What becomes of the best (none)',
      optional: true,
    },
    files: { kind: 'boolean', brief: 'Tell which files each attempt changed', default: true },
    json: jsonFlag,
  },
  positional: {
    kind: 'array',
    parameter: { brief: 'Id of the sandbox, then the attempts', placeholder: 'id -- command', parse: text },
    minimum: 1,
  },
} as const

const requestOf = (flags: Flags, words: readonly string[]) => {
  const timed = flags.timeout === undefined ? {} : { timeout_seconds: flags.timeout }
  const commands = [...(flags.cmd ?? []), ...words].map((cmd) => ({ cmd, ...timed }))
  if (commands.length === 0)
    throw new Refusal('nothing to attempt', {
      exitCode: exitCodes.usage,
      hint: "write: sandbox attempts ID -- 'first command' 'second command'",
    })
  return {
    commands,
    ...(flags.deadline !== undefined && { deadline_seconds: flags.deadline }),
    ...(flags.concurrency !== undefined && { concurrency: flags.concurrency }),
    ...(flags.stop && { stop: flags.stop }),
    ...(flags.scoreCmd !== undefined && { score_cmd: flags.scoreCmd }),
    ...(flags.scoreEnough !== undefined && { score_enough: flags.scoreEnough }),
    ...(flags.winner && { winner: flags.winner }),
    ...(!flags.files && { files: false }),
  }
}

export const attemptInSandbox = buildCommand({
  docs: {
    brief: 'Try commands, each in a fork of its own, and keep the best',
    fullDescription:
      "Every word after the id is one attempt, as shell text: `sandbox attempts ID -- 'make test' 'make test CC=clang'`. " +
      'Prints a table; the winner is marked. Exit code 1: no attempt succeeded.',
  },
  parameters,
  async func(this: Context, flags: Flags, id: string, ...words: string[]) {
    const { attempts } = await clientFor(this)
    const { stdout, stderr } = this.process
    const steps = createSteps(stderr)
    const onOutcome = ({ label, state, duration_ms: ms, error }: AttemptOutcome): void =>
      steps.note(
        [shortLabel(label), state.replaceAll('_', ' '), durationText(ms), error ?? ''].join('  ').trimEnd(),
        state === 'succeeded' ? 'ok' : 'warn',
      )
    const result = await attempts.run(id, requestOf(flags, words), { signal: this.signal, onOutcome })
    if (flags.json) printJson(this, result)
    else {
      stdout.write(attemptsTable(result))
      stdout.write(
        fields([
          ...(result.winner_sandbox_id === null ? [] : [['winner', result.winner_sandbox_id] as const]),
          ...result.merged.map((path) => ['merged', path] as const),
        ]),
      )
    }
    if (result.merge_error !== null) stderr.write(`the winner was not merged: ${result.merge_error}\n`)
    if (result.winner === null || result.merge_error !== null) this.setExitCode(exitCodes.failed)
  },
})
