// Which slot numbers are free. A list, so that numbers come back; first in, first out, so that a number rests for as long
// as the others last; and never before `restMs` have passed, so that packets of its last user have died out.

import type { Clock } from '@pandastack/kit/clock/clock.ts'

export interface Numbers {
  /** Up to `count` numbers; fewer when no more are free and rested. */
  take(count: number): number[]
  /** Takes this very number out of the list; false if it is not in it. */
  claim(number: number): boolean
  /** Back into the list, usable after `restMs`. A number that is in it already stays where it is. */
  give(number: number, restMs: number): void
  readonly free: number
}

export const createNumbers = (max: number, clock: Clock): Numbers => {
  /** Insertion order is the order of the list; the value is when the number is rested. */
  const list = new Map<number, number>()
  for (let number = 1; number <= max; number++) list.set(number, 0)

  return {
    take(count) {
      const nowMs = clock.monotonicMs()
      const taken: number[] = []
      for (const [number, restedAtMs] of list) {
        if (taken.length === count) break
        if (restedAtMs <= nowMs) taken.push(number)
      }
      for (const number of taken) list.delete(number)
      return taken
    },
    claim: (number) => list.delete(number),
    give(number, restMs) {
      if (number < 1 || number > max || !Number.isInteger(number)) throw new RangeError(`slot ${number}`)
      if (!list.has(number)) list.set(number, clock.monotonicMs() + restMs)
    },
    get free() {
      return list.size
    },
  }
}
