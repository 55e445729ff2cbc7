// At most `most` tasks at once; the others wait in order.

export interface Limit {
  <T>(task: () => Promise<T>): Promise<T>
  /** How many run now. */
  readonly running: number
}

export function limitConcurrency(most: number): Limit {
  let running = 0
  const waiting: (() => void)[] = []
  const limited = async <T>(task: () => Promise<T>): Promise<T> => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
  return Object.defineProperty(limited, 'running', { get: () => running }) as Limit
}
