// Runs work a few pieces at a time. Whoever waits is served lane by lane, one piece of each in turn, so that a lane
// with a thousand pieces does not starve one with a single piece. Refuses when too many wait.

export interface FairQueue {
  /** Throws `QueueFull` at once, or the signal's reason while still waiting. */
  run<T>(lane: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>
  readonly waiting: number
  readonly running: number
}

export class QueueFull extends Error {
  override name = 'QueueFull'
}

interface Waiter {
  start(): void
}

export const createFairQueue = (options: { concurrency: number; waitingMax: number }): FairQueue => {
  // A lane that was served moves to the end: Map keeps the order of insertion.
  const lanes = new Map<string, Waiter[]>()
  let waiting = 0
  let running = 0

  const startNext = (): void => {
    if (running >= options.concurrency) return
    const [entry] = lanes
    if (!entry) return
    const [lane, waiters] = entry
    const waiter = waiters.shift()
    lanes.delete(lane)
    if (waiters.length > 0) lanes.set(lane, waiters)
    if (!waiter) return
    waiting -= 1
    running += 1
    waiter.start()
  }

  const leave = (lane: string, waiter: Waiter): void => {
    const waiters = lanes.get(lane) ?? []
    const at = waiters.indexOf(waiter)
    if (at < 0) return
    waiters.splice(at, 1)
    if (waiters.length === 0) lanes.delete(lane)
    waiting -= 1
  }

  const turn = (lane: string, signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted()
    if (running < options.concurrency && waiting === 0) {
      running += 1
      return Promise.resolve()
    }
    if (waiting >= options.waitingMax) throw new QueueFull(`${waiting} are waiting already`)
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        leave(lane, waiter)
        reject(signal?.reason)
      }
      const waiter: Waiter = {
        start() {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      const waiters = lanes.get(lane)
      if (waiters) waiters.push(waiter)
      else lanes.set(lane, [waiter])
      waiting += 1
    })
  }

  return {
    async run(lane, work, signal) {
      await turn(lane, signal)
      try {
        return await work()
      } finally {
        running -= 1
        startNext()
      }
    },
    get waiting() {
      return waiting
    },
    get running() {
      return running
    },
  }
}
