// Things made ahead. `take` hands out a ready one at once and refills behind the caller's back; without a ready one the
// caller waits in line for the next that is made. One batch is in the making at a time. Owns what stands on it until it
// is taken; `close` gives the rest back to the caller.

import { setTimeout as sleep } from 'node:timers/promises'

export interface ShelfOptions<Thing> {
  /** How many to keep ready. */
  target: number
  /** At most so many in one batch. */
  batch: number
  /** Makes up to `count` things; none means: there can be no more now. */
  make(count: number): Promise<Thing[]>
  /** What a caller in line gets when there can be no more. */
  exhausted(): Error
  closed(): Error
  onError(error: unknown): void
}

export interface Shelf<Thing> {
  take(): Promise<Thing>
  /** Whether a thing that is put back would stay. */
  readonly hasRoom: boolean
  /** Puts a thing back, for whoever waits or for later. False if there is no room: it stays the caller's. */
  put(thing: Thing): boolean
  /** Starts refilling, if it is not under way. */
  refill(): void
  readonly ready: readonly Thing[]
  /** Settles when nothing is in the making any more; returns what was ready. */
  close(): Promise<Thing[]>
}

interface Waiter<Thing> {
  resolve(thing: Thing): void
  reject(error: unknown): void
}

/** In line at a time; more is not a queue but a fault. */
const waitersMax = 1024
/** After a failed batch, so that a broken host is not hammered. */
const retryMs = 1000

export const createShelf = <Thing>(options: ShelfOptions<Thing>): Shelf<Thing> => {
  const ready: Thing[] = []
  const waiters: Waiter<Thing>[] = []
  const closing = new AbortController()
  let filling: Promise<void> | undefined

  const offer = (thing: Thing): void => {
    const waiter = waiters.shift()
    if (waiter) waiter.resolve(thing)
    else ready.push(thing)
  }
  const refuseAll = (error: unknown): void => {
    for (const waiter of waiters.splice(0)) waiter.reject(error)
  }
  const missing = (): number => options.target + waiters.length - ready.length

  const fill = async (): Promise<void> => {
    while (missing() > 0 && !closing.signal.aborted) {
      const made = await options.make(Math.min(missing(), options.batch))
      made.forEach(offer)
      if (made.length === 0) return refuseAll(options.exhausted())
    }
  }
  const start = async (): Promise<void> => {
    try {
      await fill()
    } catch (error) {
      options.onError(error)
      refuseAll(error)
      await sleep(retryMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
    }
  }
  const refill = (): void => {
    if (closing.signal.aborted || missing() <= 0) return
    filling ??= start().finally(() => {
      filling = undefined
      // Somebody may have come in line after the last look.
      if (waiters.length > 0) refill()
    })
  }

  const hasRoom = (): boolean =>
    !closing.signal.aborted && (ready.length < options.target || waiters.length > 0)

  return {
    get hasRoom() {
      return hasRoom()
    },
    take() {
      if (closing.signal.aborted) return Promise.reject(options.closed())
      const thing = ready.shift()
      if (thing !== undefined) {
        refill()
        return Promise.resolve(thing)
      }
      if (waiters.length >= waitersMax) return Promise.reject(options.exhausted())
      return new Promise((resolve, reject) => {
        waiters.push({ resolve, reject })
        refill()
      })
    },
    put(thing) {
      if (!hasRoom()) return false
      offer(thing)
      return true
    },
    refill,
    get ready() {
      return ready
    },
    async close() {
      closing.abort()
      refuseAll(options.closed())
      await filling
      return ready.splice(0)
    },
  }
}
