// The whole suite: the machine is prepared as for `up`, the legs run one after the other, the last one against an
// installation of its own, and that is taken down again. A leg that fails does not keep the next from running.

import { freePort } from '@pandastack/kit/net/free-port.ts'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import type { Report, Steps } from '../../terminal/steps.ts'
import { bringUp, type Up } from '../bring-up.ts'
import { findGo } from '../go.ts'
import type { Home } from '../home.ts'
import { mintKey } from '../key.ts'
import { prepare } from '../prepare.ts'
import { freeIndexHere } from '../network-index.ts'
import { mergeSettings, readSettings, type Settings } from '../settings.ts'
import { readState } from '../state.ts'
import { takeDown } from '../stop-all.ts'
import { acceptance, firstLegs, type Leg, type Suite } from './legs.ts'
import { closingLine, failedTally, type Tally } from './tally.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface LegResult {
  name: string
  ms: number
  tally: Tally
}

/** Beside an operator's installation, with a home of its own. */
export const testEnvironment = (env: Env): Env => ({
  PANDASTACK_HOME: '/var/lib/pandastack-test',
  ...env,
  DATABASE_URL: undefined,
})

/** Names and addresses that nobody else has, also when two suites run: by the home's number, and by what is routed. */
const ownSettings = async (home: Home, env: Env): Promise<Settings> => {
  const { dev, ino } = await stat(home.dir)
  const name = createHash('sha256').update(`${dev}-${ino}`).digest('hex')
  const own = {
    listen: `127.0.0.1:${await freePort()}`,
    prefix: `p${name.slice(0, 4)}`,
    networkIndex: freeIndexHere([6, 5, 4, 3, 2, 1, 0]),
  }
  return mergeSettings(own, { ...env, PANDASTACK_LISTEN: undefined }, undefined)
}

const legEnvironment = (home: Home, env: Env, goDir: string): Record<string, string> => {
  const tools = [
    join(home.checkout, 'node_modules/.bin'),
    join(home.checkout, '.pandastack/node/node_modules/.bin'),
    goDir,
  ]
  const kept = Object.entries(env).filter(
    ([name, value]) => value !== undefined && !/^PANDASTACK_(API|API_KEY|OTHER_KEY|HOME)$/.test(name),
  )
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    PATH: [...tools, env['PATH']].join(':'),
    PANDASTACK_BASE_HOME: home.dir,
    NODE_USE_SYSTEM_CA: '1',
    CI: '1',
  }
}

interface Task {
  home: Home
  env: Env
  steps: Steps
  signal: AbortSignal
}

/** Nobody else brings up what is ours alone. */
const noLock: AsyncDisposable = { [Symbol.asyncDispose]: async () => undefined }

export const runSuite = async (task: Task): Promise<LegResult[]> => {
  const { home, env, steps, signal } = task
  const results: LegResult[] = []
  await mkdir(home.dir, { recursive: true, mode: 0o755 })
  await endEarlier(task)
  await prepare(task)
  const go = await steps.run('Go for tests', () => findGo(home, env, signal))
  const suite: Suite = { home, go, signal, env: legEnvironment(home, env, join(go.program, '..')) }

  const runLeg = async (leg: Leg, now: Suite): Promise<void> => {
    const began = performance.now()
    const work = async (report: Report): Promise<Tally> => {
      const found = await leg.run(now, report).catch((error: unknown) => failedTally(leg.name, String(error)))
      signal.throwIfAborted()
      report(closingLine(found))
      return found
    }
    const tally = await steps.run(leg.name, work, ({ failed }) => failed === 0)
    results.push({ name: leg.name, ms: performance.now() - began, tally })
  }

  steps.heading('Testing')
  for (const leg of firstLegs) await runLeg(leg, suite)
  await runAgainstOwn(task, async (up, settings) => {
    const stranger = { label: 'acceptance', project: 'stranger' }
    const own = {
      PANDASTACK_API: up.url,
      PANDASTACK_API_KEY: up.key,
      PANDASTACK_OTHER_KEY: await mintKey(home, settings, env, stranger),
    }
    await runLeg(acceptance, { ...suite, env: { ...suite.env, ...own } })
  }).catch((error: unknown) => {
    signal.throwIfAborted()
    const message = error instanceof Error ? error.message : String(error)
    results.push({ name: 'up and down', ms: 0, tally: failedTally('up and down', message) })
  })
  return results
}

/** A suite that was killed has left its installation running, with the names and addresses of then. */
const endEarlier = async ({ home, env, steps }: Task): Promise<void> => {
  const state = readState(home.run)
  if (state === null || state.phase === 'down') return
  const settings = mergeSettings(await readSettings(home.dir), {}, undefined)
  await takeDown({ home, settings, env, steps })
}

/** With an installation that exists for this alone, and is taken down whatever happens. */
const runAgainstOwn = async (
  task: Task,
  use: (up: Up, settings: Settings) => Promise<void>,
): Promise<void> => {
  const { home, env, steps } = task
  const settings = await ownSettings(home, env)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => takeDown({ home, settings, env, steps }))
  const up = await bringUp({ ...task, settings, proof: true, lock: async () => noLock })
  steps.heading('Testing what runs')
  await use(up, settings)
}
