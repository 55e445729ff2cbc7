// Starts the supervisor and waits until every part works, or says which one does not and what it wrote last.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnDetached } from '@pandastack/kit/process/detached.ts'
import { Refusal } from '../exit-codes.ts'
import type { Steps } from '../terminal/steps.ts'
import type { Home } from './home.ts'
import { componentNames, readState, supervisorRuns, type RunState } from './state.ts'
import { partEnvironment } from './supervisor/environment.ts'
import type { Settings } from './settings.ts'

type Env = Readonly<Record<string, string | undefined>>

const startDeadlineMs = 600_000
const pollMs = 50
const lastLines = 12

const tail = async (file: string): Promise<string> => {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .trimEnd()
    .split('\n')
    .slice(-lastLines)
    .map((line) => `    ${line}`)
    .join('\n')
}

const supervisorEnvironment = (home: Home, settings: Settings, env: Env): Record<string, string> => ({
  ...partEnvironment(env),
  PANDASTACK_HOME: home.dir,
  PANDASTACK_CACHE: home.cache,
  PANDASTACK_LISTEN: settings.listen,
  ...(settings.databaseUrl !== null && { DATABASE_URL: settings.databaseUrl }),
})

const failedAt = async (home: Home, state: RunState | null): Promise<Refusal> => {
  const part = componentNames.find((name) => state?.detail.startsWith(`${name} `))
  const file = join(home.log, `${part ?? 'supervisor'}.log`)
  return new Refusal(`${state?.detail || 'it did not start'}. The end of its log:\n${await tail(file)}`, {
    hint: `all of it: ${file}`,
  })
}

/** Each thing that the supervisor waits for is a step of ours. */
export const startSupervisor = async (options: {
  home: Home
  settings: Settings
  env: Env
  steps: Steps
  signal: AbortSignal
}): Promise<void> => {
  const { home, settings, env, steps, signal } = options
  const log = join(home.log, 'supervisor.log')
  const supervisor = await spawnDetached(
    process.execPath,
    [join(import.meta.dirname, 'supervisor/main.ts')],
    {
      env: supervisorEnvironment(home, settings, env),
      stdio: { stdout: log, stderr: log },
      cwd: '/',
    },
  )
  const ours = (): RunState | null => {
    const state = readState(home.run)
    return state?.supervisor.pid === supervisor.pid && state.supervisor.startTime === supervisor.startTime
      ? state
      : null
  }
  const over = new AbortController()
  void supervisor.ended.then(() => over.abort())
  const ended = (): boolean => over.signal.aborted
  const deadline = performance.now() + startDeadlineMs

  /** True while the supervisor is at this very thing. */
  const at = (detail: string | null): boolean => {
    const state = ours()
    if (state === null) return detail === null
    return state.phase === 'starting' && state.detail === detail
  }
  const waitWhile = async (detail: string | null): Promise<void> => {
    while (at(detail) && !ended()) {
      signal.throwIfAborted()
      if (performance.now() > deadline) throw new Refusal(`the start takes too long; see ${log}`)
      await sleep(pollMs)
    }
  }
  const check = async (): Promise<RunState> => {
    const state = ours()
    if (ended() || state === null || state.phase === 'failed') throw await failedAt(home, state)
    return state
  }
  await waitWhile(null)
  for (let state = await check(); state.phase === 'starting'; state = await check()) {
    const { detail } = state
    await steps.run(detail, async () => {
      await waitWhile(detail)
      const now = ours()
      if (ended() || now?.phase === 'stopping' || now?.phase === 'failed') {
        await supervisor.ended
        throw await failedAt(home, ours())
      }
    })
  }
}

export const isRunning = (home: Home): boolean => {
  const state = readState(home.run)
  return supervisorRuns(state) && state.phase === 'running'
}
