import { buildCommand } from '@stricli/core'
import { homeIn, printJson, type Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { createSteps } from '../terminal/steps.ts'
import { durationText } from '../text/duration.ts'
import { runSuite, testEnvironment } from '../up/suite/run.ts'
import { closingLine, sumOf } from '../up/suite/tally.ts'
import { jsonFlag } from './flags.ts'

const shownLines = 40

const indented = (message: string): string =>
  message
    .trim()
    .split('\n')
    .slice(0, shownLines)
    .map((line) => `    ${line}`)
    .join('\n')

export const testAll = buildCommand({
  docs: {
    brief: 'Prepare this machine as `up` does, then run the whole test suite',
    fullDescription:
      'Runs beside an installation in use: it has a home of its own, PANDASTACK_HOME or /var/lib/pandastack-test. ' +
      'The last line is "N passed, N failed, N skipped" over all runners.',
  },
  parameters: { flags: { json: jsonFlag } },
  async func(this: Context, flags: { json: boolean }) {
    const steps = createSteps(flags.json ? this.process.stderr : this.process.stdout)
    const env = testEnvironment(this.env)
    const began = performance.now()
    const results = await runSuite({ home: homeIn({ env }), env, steps, signal: this.signal })
    const sum = sumOf(results.map(({ tally }) => tally))
    if (sum.failed > 0) this.setExitCode(exitCodes.failed)
    if (flags.json) return printJson(this, { ...sum, legs: results })
    const out = this.process.stdout
    for (const skip of sum.skips) out.write(`skipped: ${skip}\n`)
    for (const { name, message } of sum.failures) out.write(`\nfailed: ${name}\n${indented(message)}\n`)
    out.write(`\n`)
    for (const { name, ms, tally } of results)
      out.write(`${name.padEnd(12)} ${durationText(ms).padEnd(12)} ${closingLine(tally)}\n`)
    out.write(`all legs     ${durationText(performance.now() - began)}\n\n${closingLine(sum)}\n`)
  },
})
