// Removes content that nobody refers to and nobody uses, once that has been so for the whole grace period. How long is
// counted by this process alone, so a restart can only lengthen a life. Remembers candidates between sweeps. Whoever
// takes a lease does so first and looks for the content then: in the other order it may vanish in between.

import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Leases } from './leases.ts'

export interface CollectorOptions {
  leases: Leases
  graceMs: number
  /** Monotonic. */
  nowMs?: () => number
}

export interface Collector {
  /** Looks at all content there is; answers with what it removed. */
  sweep(content: readonly string[], isReferenced: (path: string) => boolean): Promise<string[]>
}

const removedPrefix = '.removed-'

/** True for what a removal left that was cut short: it may go at once. */
export const isRemoved = (path: string): boolean => basename(path).startsWith(removedPrefix)

/**
 * Takes the name away first, so that nobody ever opens half of something. Links are removed, not followed.
 * False if there was nothing.
 */
export const removeWhole = async (path: string): Promise<boolean> => {
  const aside = join(dirname(path), `${removedPrefix}${randomUUID()}`)
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  await rm(aside, { recursive: true, force: true })
  return true
}

export const createCollector = (options: CollectorOptions): Collector => {
  const { leases, graceMs, nowMs = () => performance.now() } = options
  let unusedSinceMs = new Map<string, number>()

  return {
    async sweep(content, isReferenced) {
      const now = nowMs()
      const removed: string[] = []
      const next = new Map<string, number>()
      for (const given of content) {
        const path = resolve(given)
        if (leases.held(path) || isReferenced(path)) continue
        const since = unusedSinceMs.get(path) ?? now
        if (now - since < graceMs && !isRemoved(path)) {
          next.set(path, since)
          continue
        }
        if (await removeWhole(path)) removed.push(path)
      }
      unusedSinceMs = next
      return removed
    },
  }
}
