// Watches a running installation for the foreground `up`, and says what changes.

import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal } from '../exit-codes.ts'
import type { Steps } from '../terminal/steps.ts'
import type { Home } from './home.ts'
import { componentNames, readState, supervisorRuns } from './state.ts'

const pollMs = 500

/** `asked`: we were told to end. `gone`: it was taken down by somebody else. */
export const followEnd = async (home: Home, steps: Steps, signal: AbortSignal): Promise<'asked' | 'gone'> => {
  const seen = new Map<string, string>()
  while (!signal.aborted) {
    const state = readState(home.run)
    if (state !== null && ['stopping', 'stopped', 'down'].includes(state.phase)) {
      steps.note('taken down from elsewhere')
      return 'gone'
    }
    if (!supervisorRuns(state)) {
      throw new Refusal('the supervisor was killed; what it started runs on unwatched', {
        hint: '"pandastack up" takes over, "pandastack down" ends it',
      })
    }
    for (const name of componentNames) {
      const component = state.components[name]
      if (!component) continue
      const now =
        component.restarts === 0
          ? component.state
          : `${component.state} (restart ${component.restarts}, ${component.lastEnd})`
      if (seen.has(name) && seen.get(name) !== now)
        steps.note(`${name}: ${now}`, component.state === 'ready' ? 'ok' : 'warn')
      seen.set(name, now)
    }
    await sleep(pollMs, undefined, { signal }).catch(() => undefined)
  }
  return 'asked'
}
