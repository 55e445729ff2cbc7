// How long to wait before a process that ended by itself is started again. Pure.

const firstMs = 500
const longestMs = 30_000
/** A process that ran this long was well; what ended it is not the old fault. */
const wellMs = 60_000

export interface Backoff {
  /** Given how long the last life was. */
  next(livedMs: number): number
}

export const createBackoff = (): Backoff => {
  let waitMs = 0
  return {
    next: (livedMs) => {
      waitMs = waitMs === 0 || livedMs >= wellMs ? firstMs : Math.min(waitMs * 2, longestMs)
      return waitMs
    },
  }
}
