// The legs of the test suite: what each runs, in what order, and how its result is read. A leg that ends without a
// readable result counts as one failure, never as nothing.

import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@pandastack/kit/process/run.ts'
import type { Report } from '../../terminal/steps.ts'
import type { Go } from '../go.ts'
import type { Home } from '../home.ts'
import { emptyTally, failedTally, goTally, vitestTally, type Tally } from './tally.ts'

export interface Suite {
  home: Home
  /** The whole environment of the legs: tests are ours, and find tools and registries as the operator does. */
  env: Record<string, string>
  go: Go
  signal: AbortSignal
}

export interface Leg {
  name: string
  run(suite: Suite, report: Report): Promise<Tally>
}

const legDeadlineMs = 3_600_000
const outputBytesMax = 64 * 1024 * 1024

const command = (suite: Suite, cwd: string, program: string, ...args: string[]) =>
  run(program, args, {
    deadlineMs: legDeadlineMs,
    maxOutputBytes: outputBytesMax,
    env: suite.env,
    cwd: join(suite.home.checkout, cwd),
    signal: suite.signal,
    graceMs: 10_000,
  })

const goTests = (name: string, module: string): Leg => ({
  name,
  run: async (suite) => {
    const env = { ...suite.env, ...suite.go.env }
    const done = await command(
      { ...suite, env },
      module,
      suite.go.program,
      'test',
      '-json',
      '-count=1',
      './...',
    )
    const tally = goTally(done.stdout)
    const ok = done.exitCode === 0 || tally.failed > 0
    return ok ? tally : failedTally(name, `${done.stderr}\n${done.stdout}`.trim())
  },
})

const checks: readonly (readonly [string, ...string[]])[] = [
  ['tsc', '--noEmit'],
  ['oxlint'],
  ['oxfmt', '--check', '.'],
  ['node', 'tools/tidy/main.ts'],
]

/** Each check counts as one test. */
const check: Leg = {
  name: 'check',
  run: async (suite, report) => {
    const tally = emptyTally()
    for (const [program, ...args] of checks) {
      const name = [program, ...args].join(' ')
      report(name)
      const done = await command(suite, '.', program, ...args)
      if (done.exitCode === 0) tally.passed += 1
      else {
        tally.failed += 1
        tally.failures.push({ name, message: `${done.stdout}\n${done.stderr}`.trim() })
      }
    }
    return tally
  },
}

/** A reason that a test gives for being skipped is on its line of the text report. */
const withReasons = (tally: Tally, output: string): Tally => ({
  ...tally,
  skips: tally.skips.map((name) => {
    const title = name.slice(name.lastIndexOf(': ') + 2)
    const line = output
      .split('\n')
      .find((text) => text.includes('↓') && text.includes(title.split(' > ').at(-1) ?? title))
    const reason = /\[([^\]]+)\]\s*$/.exec(line ?? '')?.[1]
    return reason === undefined ? name : `${name} (${reason})`
  }),
})

const vitest = (project: string): Leg => ({
  name: project,
  run: async (suite) => {
    const dir = join(suite.home.log, 'tests')
    await mkdir(dir, { recursive: true })
    const file = join(dir, `${project}.json`)
    await rm(file, { force: true })
    const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${file}`]
    const done = await command(
      suite,
      '.',
      'vitest',
      'run',
      '--project',
      project,
      '--passWithNoTests',
      ...reporters,
    )
    const report = await readFile(file, 'utf8').catch(() => null)
    if (report === null) return failedTally(project, `${done.stdout}\n${done.stderr}`.trim())
    const tally = withReasons(vitestTally(report, suite.home.checkout), done.stdout)
    for (const line of done.stdout.split('\n'))
      if (line.startsWith('skipped: ')) tally.skips.push(line.slice(9))
    // An error outside of any test, such as one that nobody awaited, is a failure too.
    if (done.exitCode === 0 || tally.failed > 0) return tally
    const outside = failedTally(
      `${project}, outside of its tests`,
      done.stderr.trim() || done.stdout.slice(-4000),
    )
    return { ...tally, failed: 1, failures: outside.failures }
  },
})

/** Those that need no running installation; the host tests start their own. */
export const firstLegs: readonly Leg[] = [
  check,
  goTests('guest', 'guest'),
  goTests('native', 'host/native'),
  goTests('runsc', 'host/drivers/gvisor/runsc'),
  vitest('unit'),
  vitest('world'),
  vitest('host'),
]

export const acceptance = vitest('acceptance')
