// Tries again what failed for a passing reason: a limited number of times, with waits that double and are spread by
// chance so that many callers do not come back at once. Throws the last failure, or the signal's reason.

import { setTimeout as sleep } from 'node:timers/promises'

export interface RetryOptions {
  /** Tries in all, the first one included. */
  attempts: number
  firstWaitMs: number
  /** No single wait is longer. */
  longestWaitMs: number
  /** False: this failure will not pass, give up at once. Default: any may pass. */
  passing?: (error: unknown) => boolean
  signal?: AbortSignal
  /** From 0 up to 1, for tests. */
  random?: () => number
}

/** The wait after the given failed try (1 is the first): between half and the whole of the doubled wait. */
export const waitAfter = (attempt: number, options: RetryOptions): number => {
  const { firstWaitMs, longestWaitMs, random = Math.random } = options
  const fullMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (attempt - 1))
  return (fullMs / 2) * (1 + random())
}

/** `work` gets the number of the try, from 1. */
export const retry = async <T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> => {
  const { attempts, passing = () => true, signal } = options
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted()
    try {
      return await work(attempt)
    } catch (error) {
      signal?.throwIfAborted()
      if (attempt >= attempts || !passing(error)) throw error
    }
    // A wait that was cut short is answered at the top, with the signal's own reason.
    await sleep(waitAfter(attempt, options), undefined, signal ? { signal } : {}).catch(() => undefined)
  }
}
