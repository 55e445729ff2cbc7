// One cell at a time in each session, in the order they came. Also remembers how far each session's output was read,
// which only saves work: without it the guest's whole memory of the session is read again and skipped.

import { PandaError } from '@pandastack/contracts/errors.ts'

const waitingMax = 16
const sessionsMax = 4096

/** How far the session's output has been read. */
export interface Place {
  readSeq: number
}

export interface Turn extends Disposable {
  place: Place
}

interface Line {
  place: Place
  waiting: number
  last: Promise<void>
}

export class Turns {
  readonly #lines = new Map<string, Line>()

  async next(sessionId: string, signal: AbortSignal): Promise<Turn> {
    const line = this.#lines.get(sessionId) ?? { place: { readSeq: 0 }, waiting: 0, last: Promise.resolve() }
    if (line.waiting > waitingMax)
      throw new PandaError('rate_limited', 'too many cells wait for this session')
    this.#lines.delete(sessionId)
    this.#lines.set(sessionId, line)
    this.#trim()
    const { promise, resolve } = Promise.withResolvers<void>()
    const before = line.last
    line.last = promise
    line.waiting += 1
    await before
    const leave = (): void => {
      line.waiting -= 1
      resolve()
    }
    if (signal.aborted) {
      leave()
      throw signal.reason
    }
    return { place: line.place, [Symbol.dispose]: leave }
  }

  /** True for a session that a cell has run in. */
  knows(sessionId: string): boolean {
    return (this.#lines.get(sessionId)?.place.readSeq ?? 0) > 0
  }

  forget(sessionId: string): void {
    this.#lines.delete(sessionId)
  }

  #trim(): void {
    for (const [id, line] of this.#lines) {
      if (this.#lines.size <= sessionsMax) return
      if (line.waiting === 0) this.#lines.delete(id)
    }
  }
}
