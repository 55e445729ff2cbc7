// Work that nobody waits for. It is counted, its failure is logged, and a drain waits for it.

import type { Log } from '@pandastack/kit/log/log.ts'

export interface Background {
  run(what: string, work: () => Promise<unknown>): void
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
    async idle() {
      while (atWork.size > 0) await Promise.all(atWork)
    },
  }
}
