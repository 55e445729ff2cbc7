// What runs of an installation, told from what is recorded and what the kernel says of it.

import { isAlive } from '@pandastack/kit/process/identity.ts'
import type { Home } from './home.ts'
import { apiUrl } from './settings.ts'
import { componentNames, readState, supervisorRuns, type RunState } from './state.ts'
import { readTier, type Tier } from './summary.ts'

export interface ProcessStatus {
  pid: number
  running: boolean
  state: string
  started_at_ms: number
  restarts: number
  last_end: string | null
}

export interface Status {
  /** `unwatched`: the supervisor was killed and parts run on. */
  phase: RunState['phase'] | 'unwatched'
  detail: string
  api: string
  answers: boolean
  tier: Tier | null
  home: string
  processes: Record<string, ProcessStatus>
}

const processesOf = (state: RunState): Record<string, ProcessStatus> => {
  const watched = supervisorRuns(state)
  const supervisor = {
    pid: state.supervisor.pid,
    running: watched,
    state: watched ? 'ready' : 'gone',
    started_at_ms: state.startedAtMs,
    restarts: 0,
    last_end: null,
  }
  const all: Record<string, ProcessStatus> = { supervisor }
  for (const name of componentNames) {
    const component = state.components[name]
    if (!component) continue
    const { pid, startedAtMs, restarts, lastEnd } = component
    const running = isAlive(component)
    const now = running ? component.state : component.state === 'ready' ? 'gone' : component.state
    all[name] = { pid, running, state: now, started_at_ms: startedAtMs, restarts, last_end: lastEnd }
  }
  return all
}

const phaseOf = (state: RunState, processes: Record<string, ProcessStatus>): Status['phase'] => {
  if (processes['supervisor']?.running) return state.phase
  if (Object.values(processes).some(({ running }) => running)) return 'unwatched'
  return 'down'
}

export const statusOf = async (
  home: Home,
  answersAt: (listen: string) => Promise<boolean>,
): Promise<Status> => {
  const state = readState(home.run)
  if (state === null) {
    return { phase: 'down', detail: '', api: '', answers: false, tier: null, home: home.dir, processes: {} }
  }
  const processes = processesOf(state)
  const phase = phaseOf(state, processes)
  const [answers, tier] =
    phase === 'down' ? [false, null] : await Promise.all([answersAt(state.listen), readTier(home)])
  return { phase, detail: state.detail, api: apiUrl(state.listen), answers, tier, home: home.dir, processes }
}
