// At most so many at a time; the others wait in order. The queue is bounded by who calls: one entry a slot.

export type Turns = <Result>(act: () => Promise<Result>) => Promise<Result>

export const createTurns = (atOnce: number): Turns => {
  const waiting: (() => void)[] = []
  let running = 0
  return async (act) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await act()
    } finally {
      // The place is handed on, not given up, so that nobody slips in between.
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}
