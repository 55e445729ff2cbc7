// What state each slot is in. Slots without a state are free: their numbers are in the list. No I/O.

import type { Clock } from '@pandastack/kit/clock/clock.ts'
import type { Plan } from '../plan.ts'
import type { Found } from './found.ts'
import { createNumbers } from './numbers.ts'

/** `found`: exists, and is nobody’s as far as we know: from before we started, or it could not be removed. */
export type SlotState = 'found' | 'making' | 'ready' | 'leased' | 'cleaning'

export interface SlotLeak {
  kind: 'namespace' | 'link'
  name: string
  detail: string
}

export interface States {
  of(slot: number): SlotState | undefined
  set(slot: number, state: SlotState): void
  /** Free numbers, now in state `making`. */
  take(count: number): number[]
  free(slot: number, restMs: number): void
  all(state?: SlotState): number[]
  leaks(found: Found, known: ReadonlySet<number>): SlotLeak[]
}

/** A lease this young may not have reached the ledger of its owner. */
const leaseGraceMs = 10_000

export const createStates = (plan: Plan, clock: Clock): States => {
  const numbers = createNumbers(plan.slotsMax, clock)
  const states = new Map<number, { state: SlotState; sinceMs: number }>()

  const set = (slot: number, state: SlotState): void => {
    numbers.claim(slot)
    states.set(slot, { state, sinceMs: clock.monotonicMs() })
  }
  const suspicion = (slot: number): string | undefined => {
    const entry = states.get(slot)
    if (!entry) return 'slot of nobody'
    if (entry.state === 'found') return 'slot that nobody has claimed'
    const old = clock.monotonicMs() - entry.sinceMs > leaseGraceMs
    return entry.state === 'leased' && old ? 'lease without a machine' : undefined
  }
  return {
    of: (slot) => states.get(slot)?.state,
    set,
    take(count) {
      const taken = numbers.take(count)
      for (const slot of taken) set(slot, 'making')
      return taken
    },
    free(slot, restMs) {
      states.delete(slot)
      numbers.give(slot, restMs)
    },
    all: (state) =>
      [...states].filter(([, entry]) => state === undefined || entry.state === state).map(([slot]) => slot),
    leaks({ namespaces, links }, known) {
      const list = (slots: Set<number>, kind: SlotLeak['kind']): SlotLeak[] =>
        [...slots]
          .filter((slot) => !known.has(slot))
          .flatMap((slot) => {
            const detail = suspicion(slot)
            return detail === undefined ? [] : [{ kind, name: plan.nameOf(slot), detail }]
          })
      return [...list(namespaces, 'namespace'), ...list(links, 'link')]
    },
  }
}
