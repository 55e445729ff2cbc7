// Our Go programs: built when what goes into them has changed, kept in the cache under a hash of that, and copied into
// the installation by one rename, so that a running one never sees half a program.

import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { runChecked } from '@pandastack/kit/process/run.ts'
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

const flags = ['-trimpath', '-buildvcs=false', '-ldflags=-s -w']

const commandsOf = async (home: Home, module: string): Promise<Build[]> => {
  const names = await readdir(join(home.checkout, module, 'cmd')).catch(() => [])
  return names.toSorted().map((name) => ({ program: name, module, target: `./cmd/${name}` }))
}

export const allBuilds = async (home: Home): Promise<Build[]> => [
  ...(await commandsOf(home, 'guest')),
  ...(await commandsOf(home, 'host/native')),
  { program: 'runsc', module: 'host/drivers/gvisor/runsc', target: 'gvisor.dev/gvisor/runsc' },
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

/** Programs that are not in the cache in the wanted form. */
export const missingBuilds = async (home: Home): Promise<Build[]> => {
  const missing: Build[] = []
  for (const build of await allBuilds(home)) {
    if (!(await exists(builtFile(home, build, await inputsOf(home, build))))) missing.push(build)
  }
  return missing
}

/** `go build -v` names each package when it is compiled; those that need not be are counted as done with the rest. */
export const compiledShare = (output: string, packages: number): number => {
  const compiled = output.split('\n').filter((line) => /^[\w.-]+(\/[\w.@~+-]+)*$/.test(line)).length
  return Math.min(99, Math.round((100 * compiled) / Math.max(1, packages)))
}

export const runBuild = async (
  home: Home,
  go: Go,
  build: Build,
  report: Report,
  signal: AbortSignal,
): Promise<void> => {
  const cwd = join(home.checkout, build.module)
  const inputs = await inputsOf(home, build)
  const out = builtFile(home, build, inputs)
  await mkdir(dirname(out), { recursive: true })
  const logFile = join(home.log, 'build.log')
  report('fetching modules')
  await runLogged([go.program, 'mod', 'download'], { logFile, env: go.env, cwd, signal })
  const listed = await runChecked(go.program, ['list', '-deps', build.target], {
    deadlineMs: 120_000,
    env: go.env,
    cwd,
    signal,
  })
  const packages = listed.stdout.split('\n').length
  const making = `${out}.${process.pid}`
  try {
    await runLogged([go.program, 'build', '-v', ...flags, '-o', making, build.target], {
      logFile,
      env: go.env,
      cwd,
      signal,
      onOutput: (text) => report('compiling', compiledShare(text, packages)),
    })
    await rename(making, out)
  } finally {
    await rm(making, { force: true })
  }
}

/** Puts the wanted form of each program into the installation; they have to be in the cache. True if any changed. */
export const installBuilds = async (home: Home): Promise<boolean> => {
  await mkdir(home.bin, { recursive: true, mode: 0o755 })
  let changed = false
  for (const build of await allBuilds(home)) {
    const from = builtFile(home, build, await inputsOf(home, build))
    const to = join(home.bin, build.program)
    const stamp = join(home.bin, `.${build.program}`)
    if ((await readFile(stamp, 'utf8').catch(() => '')) === basename(from) && (await exists(to))) continue
    await copyFile(from, `${to}.new`)
    await chmod(`${to}.new`, 0o755)
    await rename(`${to}.new`, to)
    await writeFile(stamp, basename(from))
    changed = true
  }
  return changed
}
