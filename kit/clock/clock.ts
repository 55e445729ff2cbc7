// The two clocks: wall time may jump and is for people and for storage, monotonic time is for measuring and deadlines.

export interface Clock {
  /** Milliseconds since 1970. */
  wallMs(): number
  /** Milliseconds since some moment in this process; never goes back. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}
