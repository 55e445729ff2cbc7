// The data directory and the images in it, through the programs of the rooms that own them.

import { join } from 'node:path'
import { run } from '@pandastack/kit/process/run.ts'
import { Refusal } from '../exit-codes.ts'
import type { Report } from '../terminal/steps.ts'
import type { Home } from './home.ts'
import { runLogged } from './logged.ts'
import { partEnvironment } from './supervisor/environment.ts'

type Env = Readonly<Record<string, string | undefined>>

const prepareDeadlineMs = 300_000

const storage = async (home: Home, env: Env, verb: 'prepare' | 'release'): Promise<string> => {
  const program = join(home.checkout, 'host/storage/main.ts')
  const done = await run(process.execPath, [program, verb, home.data], {
    deadlineMs: prepareDeadlineMs,
    env: partEnvironment(env),
  })
  if (done.exitCode !== 0) throw new Refusal(`${home.data}: ${done.stderr.trim() || 'not ready'}`)
  return done.stdout
}

/** A sentence about what the directory is. */
export const backingText = (json: string): string => {
  const data = JSON.parse(json) as { reflink: boolean; fs: string; backing: string; reason?: string }
  if (data.backing === 'loop') return 'XFS in a sparse file'
  return data.reflink ? `${data.fs}, with reflinks` : `without reflinks, so copies are slower: ${data.reason}`
}

export const prepareData = async (home: Home, env: Env): Promise<string> =>
  backingText(await storage(home, env, 'prepare'))

export const releaseData = (home: Home, env: Env): Promise<string> => storage(home, env, 'release')

/** The last whole line of progress. */
export const imageProgress = (output: string): { step: string; percent: number } | null => {
  for (const line of output.split('\n').toReversed()) {
    if (!line.startsWith('{')) continue
    try {
      const said = JSON.parse(line) as { step?: unknown; percent?: unknown }
      if (typeof said.step === 'string' && typeof said.percent === 'number')
        return { step: said.step, percent: said.percent }
    } catch {
      // The line is still being written.
    }
  }
  return null
}

/** How package clients find mirrors and their own configuration. */
const packageClients = (home: Home, env: Env): Record<string, string> => {
  const tools = [
    join(home.checkout, 'node_modules/.bin'),
    join(home.checkout, '.pandastack/node/node_modules/.bin'),
  ]
  const base = partEnvironment(env)
  const settings = Object.entries(env).filter(
    ([name, value]) => value !== undefined && /^npm_config_/i.test(name),
  )
  return {
    ...base,
    ...(Object.fromEntries(settings) as Record<string, string>),
    ...(env['HOME'] !== undefined && { HOME: env['HOME'] }),
    PATH: [...tools, base['PATH']].join(':'),
    // Whom the machine trusts is trusted: Node by itself has a list of its own.
    NODE_USE_SYSTEM_CA: '1',
  }
}

/** Builds one image when what goes into it has changed. */
export const buildImage = async (
  home: Home,
  env: Env,
  name: string,
  report: Report,
  signal: AbortSignal,
): Promise<void> => {
  const program = join(home.checkout, 'host/images/main.ts')
  const args = [
    'build',
    name,
    '--data',
    home.data,
    '--guestd',
    join(home.bin, 'guestd'),
    '--node',
    process.execPath,
  ]
  await runLogged([process.execPath, program, ...args], {
    logFile: join(home.log, 'images.log'),
    env: packageClients(home, env),
    cwd: '/',
    signal,
    onOutput: (text) => {
      const progress = imageProgress(text)
      if (progress) report(progress.step, progress.percent)
    },
  })
}
