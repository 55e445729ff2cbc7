// What `doctor` looks at: the machine, by the same checks that run before the first download, and the installation.

import { join } from 'node:path'
import { runChecked } from '@pandastack/kit/process/run.ts'
import type { Home } from '../home.ts'
import { apiUrl } from '../settings.ts'
import { statusOf } from '../status.ts'
import { partEnvironment } from '../supervisor/environment.ts'

export interface Check {
  level: 'ok' | 'warn' | 'fail'
  name: string
  text: string
}

type Env = Readonly<Record<string, string | undefined>>

const preflightDeadlineMs = 120_000

const isLevel = (text: string | undefined): text is Check['level'] =>
  text === 'ok' || text === 'warn' || text === 'fail'

/** Lines of level, name and sentence with tabs between, as `pandastack preflight` prints them; others are dropped. */
export const parseChecks = (output: string): Check[] =>
  output.split('\n').flatMap((line) => {
    const [level, name, text] = line.split('\t')
    return isLevel(level) && name && text ? [{ level, name, text }] : []
  })

export const checkMachine = async (home: Home, env: Env): Promise<Check[]> => {
  const { stdout } = await runChecked(join(home.checkout, 'pandastack'), ['preflight', 'all'], {
    deadlineMs: preflightDeadlineMs,
    env: { ...partEnvironment(env), PANDASTACK_HOME: home.dir },
  })
  return parseChecks(stdout)
}

export const checkInstallation = async (
  home: Home,
  healthy: (api: string) => Promise<boolean>,
): Promise<Check[]> => {
  const status = await statusOf(home, (listen) => healthy(apiUrl(listen)))
  if (status.phase === 'down')
    return [{ level: 'warn', name: 'installation', text: `nothing runs from ${home.dir}` }]
  const parts = Object.entries(status.processes).map(([name, process]): Check => {
    const well = process.running && process.state === 'ready'
    const restarts =
      process.restarts === 0 ? '' : `, started again ${process.restarts} times (${process.last_end})`
    return {
      level: well ? (process.restarts > 3 ? 'warn' : 'ok') : 'fail',
      name,
      text: `${process.state}${process.running ? `, process ${process.pid}` : ''}${restarts}`,
    }
  })
  const api: Check = status.answers
    ? { level: 'ok', name: 'API', text: `${status.api} answers` }
    : { level: 'fail', name: 'API', text: `${status.api} does not answer` }
  const isolation: Check =
    status.tier === null
      ? { level: 'fail', name: 'isolation', text: 'the host agent does not answer' }
      : { level: 'ok', name: 'isolation', text: `${status.tier.tier}: ${status.tier.reason}` }
  return [...parts, api, isolation]
}
