// How far a clock is off, as certainly as that can be known from questions and answers that take their time: it was read
// at some moment between the two. Several of them narrow it down.

export interface Bounds {
  /** The clock is at least so much ahead; negative: behind. */
  leastMs: number
  mostMs: number
}

export const unknown: Bounds = { leastMs: -Infinity, mostMs: Infinity }

/** What this process reads of its own clock is cut off to whole milliseconds. */
const grainMs = 1

export const boundsOf = (beforeMs: number, saidNs: string, afterMs: number): Bounds => {
  const saidMs = Number(BigInt(saidNs) / 1000n) / 1000
  return { leastMs: saidMs - afterMs - grainMs, mostMs: saidMs - beforeMs }
}

export const narrow = (a: Bounds, b: Bounds): Bounds => ({
  leastMs: Math.max(a.leastMs, b.leastMs),
  mostMs: Math.min(a.mostMs, b.mostMs),
})

/** The largest error that is possible. */
export const worstOf = ({ leastMs, mostMs }: Bounds): number => Math.max(Math.abs(leastMs), Math.abs(mostMs))
