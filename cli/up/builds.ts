// Our Go programs: built when what goes into them has changed, kept in the cache under a hash of that, and copied into
// the installation by one rename, so that a running one never sees half a program.

import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { Refusal } from '../exit-codes.ts'
import type { Report } from '../terminal/steps.ts'
import type { Go } from './go.ts'
import type { Home } from './home.ts'
import { runLogged } from './logged.ts'

export interface Build {
  /** Name of the program in the installation's `bin`. */
  program: string
  /** Folder of the Go module, from the checkout. */
  module: string
  /** What is built, as `go build` names it. */
  target: string
}

const listDeadlineMs = 120_000
const triesMax = 3
const formsKept = 4
const flags = ['-trimpath', '-buildvcs=false', '-ldflags=-s -w']

const commandsOf = async (home: Home, module: string): Promise<Build[]> => {
  const names = await readdir(join(home.checkout, module, 'cmd')).catch(() => [])
  return names.toSorted().map((name) => ({ program: name, module, target: `./cmd/${name}` }))
}

export const allBuilds = async (home: Home): Promise<Build[]> => [
  ...(await commandsOf(home, 'guest')),
  ...(await commandsOf(home, 'host/native')),
  ...(await commandsOf(home, 'host/drivers/gvisor/runsc')),
]

/** Hash of everything that the program is made of. */
export const inputsOf = async (home: Pick<Home, 'checkout'>, build: Build): Promise<string> => {
  const dir = join(home.checkout, build.module)
  const hash = createHash('sha256').update(JSON.stringify([build, flags, process.arch]))
  const files = await readdir(dir, { recursive: true, withFileTypes: true })
  const paths = files
    .filter((entry) => entry.isFile() && !/_test\.go$|\.md$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
  for (const path of paths.toSorted()) {
    hash.update(`\0${path.slice(dir.length)}\0`).update(await readFile(path))
  }
  return hash.digest('hex').slice(0, 32)
}

const builtFile = (home: Home, build: Build, inputs: string): string =>
  join(home.cache, 'built', `${build.program}-${inputs}`)

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** A program, and what went into it when we looked. */
export interface Planned {
  build: Build
  inputs: string
  built: boolean
}

export const planBuilds = async (home: Home): Promise<Planned[]> =>
  Promise.all(
    (await allBuilds(home)).map(async (build) => {
      const inputs = await inputsOf(home, build)
      return { build, inputs, built: await exists(builtFile(home, build, inputs)) }
    }),
  )

/** `go build -v` names each package when it is compiled; those that need not be are counted as done with the rest. */
export const compiledShare = (output: string, packages: number): number => {
  const compiled = output.split('\n').filter((line) => /^[\w.-]+(\/[\w.@~+-]+)*$/.test(line)).length
  return Math.min(99, Math.round((100 * compiled) / Math.max(1, packages)))
}

const compile = async (home: Home, go: Go, build: Build, out: string, task: BuildTask): Promise<void> => {
  const { report, signal } = task
  const cwd = join(home.checkout, build.module)
  const logFile = join(home.log, 'build.log')
  report('fetching modules', 0)
  await runLogged([go.program, 'mod', 'download'], { logFile, env: go.env, cwd, signal })
  const listed = await runChecked(go.program, ['list', '-deps', build.target], {
    deadlineMs: listDeadlineMs,
    env: go.env,
    cwd,
    signal,
  })
  const packages = listed.stdout.split('\n').length
  await runLogged([go.program, 'build', '-v', ...flags, '-o', out, build.target], {
    logFile,
    env: go.env,
    cwd,
    signal,
    onOutput: (text) => report('compiling', compiledShare(text, packages)),
  })
}

export interface BuildTask {
  report: Report
  signal: AbortSignal
}

/** Answers with the inputs that the program was really made of: sources may change while they are compiled. */
export const runBuild = async (home: Home, go: Go, planned: Planned, task: BuildTask): Promise<Planned> => {
  const { build } = planned
  await mkdir(join(home.cache, 'built'), { recursive: true })
  for (let inputs = planned.inputs, tries = 1; ; tries++) {
    const out = builtFile(home, build, inputs)
    const making = `${out}.${process.pid}`
    try {
      await compile(home, go, build, making, task)
      const now = await inputsOf(home, build)
      if (now === inputs) {
        await rename(making, out)
        return { build, inputs, built: true }
      }
      if (tries === triesMax)
        throw new Refusal(`the sources in ${build.module} keep changing while they are compiled`)
      inputs = now
    } finally {
      await rm(making, { force: true })
    }
  }
}

/** Puts the programs into the installation; they have to be in the cache. True if any changed. */
export const installBuilds = async (home: Home, planned: readonly Planned[]): Promise<boolean> => {
  await mkdir(home.bin, { recursive: true, mode: 0o755 })
  let changed = false
  for (const { build, inputs } of planned) {
    const from = builtFile(home, build, inputs)
    const to = join(home.bin, build.program)
    const stamp = join(home.bin, `.${build.program}`)
    if ((await readFile(stamp, 'utf8').catch(() => '')) === basename(from) && (await exists(to))) continue
    await copyFile(from, `${to}.new`)
    await chmod(`${to}.new`, 0o755)
    await rename(`${to}.new`, to)
    await writeFile(stamp, basename(from))
    changed = true
  }
  await dropOld(home, planned)
  return changed
}

/** The cache keeps the last few forms of each program, so that going back and forth costs nothing. */
const dropOld = async (home: Home, planned: readonly Planned[]): Promise<void> => {
  const dir = join(home.cache, 'built')
  const names = await readdir(dir)
  for (const { build, inputs } of planned) {
    const own = names.filter((name) => name.startsWith(`${build.program}-`) && !name.endsWith(inputs))
    const dated = await Promise.all(
      own.map(async (name) => ({ name, ms: (await stat(join(dir, name))).mtimeMs })),
    )
    for (const { name } of dated.toSorted((a, b) => b.ms - a.ms).slice(formsKept))
      await rm(join(dir, name), { force: true })
  }
}
