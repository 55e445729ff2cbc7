// Everything between "Node is there" and "the parts can be started": programs, users, directories, images. Each step
// looks first whether it has anything to do, so a second run takes moments.

import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Refusal } from '../exit-codes.ts'
import type { Steps } from '../terminal/steps.ts'
import { installBuilds, planBuilds, runBuild } from './builds.ts'
import { prepareView } from './checkout-view.ts'
import { buildImage, prepareData } from './data.ts'
import { findGo } from './go.ts'
import type { Home } from './home.ts'
import { prepareSecrets } from './secrets.ts'
import { controlPlaneUser, ensureUser } from './users.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface Preparation {
  home: Home
  env: Env
  steps: Steps
  signal: AbortSignal
}

/** Names of the images in the order in which they are built; the later ones are made from the first. */
export const imageNames = ['base', 'agent', 'code-interpreter'] as const

const needsEntry = 0o001

/** The parts run as users of their own and have to get to their files. */
const checkReachable = async (dir: string): Promise<void> => {
  for (let path = dirname(dir); path !== '/'; path = dirname(path)) {
    const { mode } = await stat(path)
    if ((mode & needsEntry) === 0) {
      throw new Refusal(
        `${path} may not be entered by other users, so an installation in ${dir} could not run`,
        {
          hint: `chmod o+x ${path}, or choose another place with PANDASTACK_HOME`,
        },
      )
    }
  }
}

const prepareDirs = async (home: Home): Promise<void> => {
  for (const [dir, mode] of [
    [home.dir, 0o755],
    [home.log, 0o755],
    [home.run, 0o755],
    [home.bin, 0o755],
  ] as const) {
    await mkdir(dir, { recursive: true })
    await chmod(dir, mode)
  }
  await checkReachable(home.dir)
  await prepareSecrets(home, (await ensureUser(controlPlaneUser)).gid)
  await prepareView(home)
}

const buildPrograms = async ({ home, env, steps, signal }: Preparation): Promise<void> => {
  const planned = await planBuilds(home)
  const missing = planned.filter(({ built }) => !built)
  const done = planned.filter(({ built }) => built)
  if (missing.length > 0) {
    const go = await steps.run('Go', async (report) => {
      const found = await findGo(home, env, signal)
      report(found.version)
      return found
    })
    for (const one of missing) {
      done.push(
        await steps.run(`build ${one.build.program}`, (report) =>
          runBuild(home, go, one, { report, signal }),
        ),
      )
    }
  }
  const changed = await installBuilds(home, done)
  if (missing.length === 0) steps.note(changed ? 'programs: taken from the cache' : 'programs: up to date')
}

/** Leaves the machine ready for `start`. */
export const prepare = async (preparation: Preparation): Promise<void> => {
  const { home, env, steps, signal } = preparation
  steps.heading('Preparing')
  await prepareDirs(home)
  await buildPrograms(preparation)
  await steps.run('data directory', async (report) => report(await prepareData(home, env)))
  for (const name of imageNames) {
    signal.throwIfAborted()
    await steps.run(`image ${name}`, (report) => buildImage(home, env, name, report, signal))
  }
}
