// A deadline for each key, by monotonic time, of any length (a bare setTimeout ends after 24 days).
// Owns its timers; `close` clears them all. `onDue` must not throw.

export interface Deadlines {
  /** Replaces the key's deadline. */
  set(key: string, inMs: number): void
  delete(key: string): void
  readonly size: number
  close(): void
}

const longestMs = 2 ** 30

export const createDeadlines = (onDue: (key: string) => void): Deadlines => {
  const timers = new Map<string, NodeJS.Timeout>()
  let closed = false

  const arm = (key: string, atMs: number): void => {
    const leftMs = Math.max(0, atMs - performance.now())
    // Rounded up: a deadline is never early.
    const timer = setTimeout(() => fire(key, atMs), Math.min(Math.ceil(leftMs), longestMs))
    timer.unref()
    timers.set(key, timer)
  }

  const fire = (key: string, atMs: number): void => {
    timers.delete(key)
    if (performance.now() < atMs) arm(key, atMs)
    else onDue(key)
  }

  return {
    set(key, inMs) {
      if (closed) return
      clearTimeout(timers.get(key))
      arm(key, performance.now() + inMs)
    },
    delete(key) {
      clearTimeout(timers.get(key))
      timers.delete(key)
    },
    get size() {
      return timers.size
    },
    close() {
      closed = true
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}
