// The whole suite: the machine is prepared as for `up`, the legs run one after the other, the last one against an
// installation of its own, and that is taken down again. A leg that fails does not keep the next from running.

import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import type { Report, Steps } from '../../terminal/steps.ts'
import { bringUp } from '../bring-up.ts'
import { findGo } from '../go.ts'
import type { Home } from '../home.ts'
import { prepare } from '../prepare.ts'
import { mergeSettings } from '../settings.ts'
import { takeDown } from '../stop-all.ts'
import { acceptance, firstLegs, type Leg, type Suite } from './legs.ts'
import { closingLine, failedTally, type Tally } from './tally.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface LegResult {
  name: string
  ms: number
  tally: Tally
}

/** Beside an operator's installation: names and addresses that only this one has. Host tests take indexes from 8 up. */
const own = {
  PANDASTACK_HOME: '/var/lib/pandastack-test',
  PANDASTACK_PREFIX: 'pst',
  PANDASTACK_NETWORK_INDEX: '7',
}

export const testEnvironment = (env: Env): Env => ({ ...own, ...env, DATABASE_URL: undefined })

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const legEnvironment = (home: Home, env: Env, goDir: string): Record<string, string> => {
  const tools = [
    join(home.checkout, 'node_modules/.bin'),
    join(home.checkout, '.pandastack/node/node_modules/.bin'),
    goDir,
  ]
  const kept = Object.entries(env).filter(
    ([name, value]) => value !== undefined && !/^PANDASTACK_(API|API_KEY|HOME)$/.test(name),
  )
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    PATH: [...tools, env['PATH']].join(':'),
    PANDASTACK_BASE_HOME: home.dir,
    NODE_USE_SYSTEM_CA: '1',
    CI: '1',
  }
}

export const runSuite = async (task: {
  home: Home
  env: Env
  steps: Steps
  signal: AbortSignal
}): Promise<LegResult[]> => {
  const { home, env, steps, signal } = task
  const results: LegResult[] = []
  const settings = mergeSettings(
    { listen: `127.0.0.1:${await freePort()}` },
    { ...env, PANDASTACK_LISTEN: undefined },
    undefined,
  )
  await mkdir(home.dir, { recursive: true, mode: 0o755 })
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
  try {
    const up = await bringUp({
      ...task,
      settings,
      proof: true,
      lock: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
    })
    steps.heading('Testing what runs')
    await runLeg(acceptance, {
      ...suite,
      env: { ...suite.env, PANDASTACK_API: up.url, PANDASTACK_API_KEY: up.key },
    })
  } catch (error) {
    signal.throwIfAborted()
    const message = error instanceof Error ? error.message : String(error)
    results.push({ name: 'up', ms: 0, tally: failedTally('up', message) })
  } finally {
    await takeDown({ home, settings, env, steps })
  }
  return results
}
