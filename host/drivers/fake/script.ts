// What a test wants to go wrong. Rules are matched by verb and by the number of the call; the driver asks before it acts.

import { setTimeout as sleep } from 'node:timers/promises'
import { DriverError, type DriverErrorKind } from '@pandastack/driver/driver.ts'

export type Verb =
  | 'probe'
  | 'prepare'
  | 'boot'
  | 'restore'
  | 'capture'
  | 'changes'
  | 'pause'
  | 'resume'
  | 'kill'

export interface Rule {
  on: Verb
  /** Which call of this verb since the start, from 1; absent: each. */
  nth?: number
  delayMs?: number
  fail?: DriverErrorKind
  /** For boot and restore: how long the machine lives. */
  diesAfterMs?: number
}

export interface Script {
  rules: Rule[]
  calls(verb: Verb): number
  /** Counts the call, waits and fails as the rules say; answers with how long a machine started now shall live. */
  enter(verb: Verb, signal?: AbortSignal): Promise<number | undefined>
}

export const createScript = (rules: Rule[] = []): Script => {
  const counts = new Map<Verb, number>()
  const calls = (verb: Verb): number => counts.get(verb) ?? 0
  return {
    rules,
    calls,
    enter: async (verb, signal) => {
      signal?.throwIfAborted()
      const call = calls(verb) + 1
      counts.set(verb, call)
      const matching = rules.filter(({ on, nth }) => on === verb && (nth === undefined || nth === call))
      for (const { delayMs, fail } of matching) {
        if (delayMs !== undefined) await sleep(delayMs, undefined, signal && { signal })
        if (fail) throw new DriverError(fail, `${verb} number ${call} was told to fail`)
      }
      return matching.find(({ diesAfterMs }) => diesAfterMs !== undefined)?.diesAfterMs
    },
  }
}
