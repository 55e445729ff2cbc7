// Who is using which file or directory right now. In memory and owned by the agent: after a restart it takes leases anew
// for the machines it adopts, before the first collection.

import { resolve } from 'node:path'

/** Given back by `using` or by calling `release`; giving it back twice is harmless. */
export interface Lease extends Disposable {
  readonly path: string
  release(): void
}

export interface Leases {
  take(path: string): Lease
  held(path: string): boolean
}

export const createLeases = (): Leases => {
  const counts = new Map<string, number>()

  const giveBack = (path: string): void => {
    const left = (counts.get(path) ?? 0) - 1
    if (left > 0) counts.set(path, left)
    else counts.delete(path)
  }

  return {
    take(given) {
      const path = resolve(given)
      let live = true
      counts.set(path, (counts.get(path) ?? 0) + 1)
      const release = (): void => {
        if (live) giveBack(path)
        live = false
      }
      return { path, release, [Symbol.dispose]: release }
    },
    held: (path) => counts.has(resolve(path)),
  }
}
