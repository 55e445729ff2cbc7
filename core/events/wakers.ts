// Wakes those who follow a sandbox's events when one has been written.

export interface EventWakers {
  wake(sandboxId: string): void
  wakeAll(): void
  /** From now on no event goes unnoticed. */
  subscribe(sandboxId: string): Subscription
}

export interface Subscription extends Disposable {
  /** Resolves at once when there was an event since the last call, else at the next one or when the time is over. */
  wait(withinMs: number, signal: AbortSignal): Promise<void>
}

export const createEventWakers = (): EventWakers => {
  const subscribers = new Map<string, Set<() => void>>()
  return {
    wake(sandboxId) {
      for (const wake of subscribers.get(sandboxId) ?? []) wake()
    },
    wakeAll() {
      for (const set of subscribers.values()) for (const wake of set) wake()
    },
    subscribe(sandboxId) {
      let rung = false
      let resume: (() => void) | null = null
      const wake = (): void => {
        rung = true
        resume?.()
      }
      const set = subscribers.get(sandboxId) ?? new Set()
      subscribers.set(sandboxId, set.add(wake))
      return {
        async wait(withinMs, signal) {
          if (!rung && !signal.aborted) {
            const { promise, resolve } = Promise.withResolvers<void>()
            resume = resolve
            const stop = (): void => resolve()
            const timer = setTimeout(stop, withinMs)
            signal.addEventListener('abort', stop, { once: true })
            await promise
            clearTimeout(timer)
            signal.removeEventListener('abort', stop)
            resume = null
          }
          rung = false
        },
        [Symbol.dispose]() {
          set.delete(wake)
          if (set.size === 0 && subscribers.get(sandboxId) === set) subscribers.delete(sandboxId)
        },
      }
    },
  }
}
