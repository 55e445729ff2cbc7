// Takes an installation down with its sandboxes. They are ended by the host agent, the only one who knows them; where
// none runs any more but sandboxes may (its processes were killed), one is started for it.

import { setTimeout as sleep } from 'node:timers/promises'
import { createLog } from '@pandastack/kit/log/log.ts'
import { join } from 'node:path'
import { Refusal } from '../exit-codes.ts'
import type { Steps } from '../terminal/steps.ts'
import { releaseData } from './data.ts'
import type { Home } from './home.ts'
import type { Settings } from './settings.ts'
import { livingComponents, readState, writeState } from './state.ts'
import { stopProcesses } from './stop.ts'
import { askAgent } from './supervisor/agent-door.ts'
import { componentsOf } from './supervisor/components.ts'
import { keepRunning } from './supervisor/keep-running.ts'

type Env = Readonly<Record<string, string | undefined>>

const endDeadlineMs = 180_000
const releaseTries = 20
const releasePauseMs = 500

/** Asks the agent that runs, or one that is started for this. */
const endSandboxes = async (home: Home, settings: Settings, env: Env): Promise<void> => {
  const ask = async (): Promise<void> => {
    const { status, body } = await askAgent(home, 'DELETE', '/v1/machines', endDeadlineMs)
    if (status >= 300) throw new Refusal(`the host agent could not end the sandboxes: ${body}`)
  }
  if (livingComponents(readState(home.run)).some(([name]) => name === 'agent')) return ask()
  const agent = (await componentsOf(home, settings, env)).find(({ name }) => name === 'agent')
  if (!agent) return
  const kept = keepRunning(agent, {
    logFile: join(home.log, 'agent.log'),
    log: createLog({ name: 'down', level: 'silent' }),
    onState: () => undefined,
  })
  try {
    await kept.ready
    await ask()
  } finally {
    await kept.stop()
  }
}

/** Mounts of the last sandboxes go away a moment after them. */
const release = async (home: Home, env: Env): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      await releaseData(home, env)
      return
    } catch (error) {
      if (tries === releaseTries) throw error
      await sleep(releasePauseMs)
    }
  }
}

/** Also after a crash: what is recorded is ended, what is mounted is released. */
export const takeDown = async (options: {
  home: Home
  settings: Settings
  env: Env
  steps: Steps
}): Promise<void> => {
  const { home, settings, env, steps } = options
  const state = readState(home.run)
  const hasRun = state !== null && state.phase !== 'down'
  let left: unknown
  // What cannot be ended in good order is no reason to leave the rest running.
  if (hasRun)
    await steps
      .run('end sandboxes', () => endSandboxes(home, settings, env))
      .catch((error: unknown) => (left = error))
  await steps.run('stop control plane, host agent, database', () => stopProcesses(home))
  if (left !== undefined) throw left
  await steps.run('release the data directory', () => release(home, env))
  if (state !== null) writeState(home.run, { ...state, phase: 'down', detail: '', components: {} })
}
