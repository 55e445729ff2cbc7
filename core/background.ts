// Work that nobody waits for. It is counted, its failure is logged, and a drain waits for it.

import type { Log } from '@pandastack/kit/log/log.ts'

export interface Background {
  run(what: string, work: () => Promise<unknown>): void
  /** Work that somebody does wait for, and that is to be finished even when they no longer do. */
  keep<T>(work: Promise<T>): Promise<T>
  /** Resolves when nothing is at work. */
  idle(): Promise<void>
}

export const createBackground = (log: Log): Background => {
  const atWork = new Set<Promise<void>>()
  return {
    run(what, work) {
      const attempt = async (): Promise<void> => {
        try {
          await work()
        } catch (err) {
          log.warn({ err, what }, 'background work failed')
        } finally {
          atWork.delete(done)
        }
      }
      // A turn later, so that `done` is known to its own end.
      const done = Promise.resolve().then(attempt)
      atWork.add(done)
    },
    keep(work) {
      const settled = async (): Promise<void> => {
        await Promise.allSettled([work])
        atWork.delete(done)
      }
      const done = settled()
      atWork.add(done)
      return work
    },
    async idle() {
      while (atWork.size > 0) await Promise.all(atWork)
    },
  }
}
