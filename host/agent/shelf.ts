// Shells made ahead: empty sandboxes in places of their own, ready to take a guest. They hold nothing of any guest, so
// one may be thrown away at any time. A shell fits one image and one set of limits; the shelf keeps up to `size` of them
// for each kind that was asked for lately and refills one at a time, after the create that took one has been served.

import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '@pandastack/kit/process/identity.ts'
import type { Driver } from '@pandastack/driver/driver.ts'
import type { Image, Limits, MachineHandle } from '@pandastack/driver/values.ts'
import type { Log } from './ports.ts'
import type { Places } from './places.ts'

const prepareDeadlineMs = 60_000
/** How often a refill looks whether the starts under way have ended; they get the processors first. */
const refillPollMs = 20
/** Kinds kept ready; the least recently used one is cleared when another comes. */
const kindsMax = 4

interface Kind {
  image: Image
  limits: Limits
  ready: MachineHandle[]
  lastUsed: number
}

export interface Shelf extends AsyncDisposable {
  /** A shell of this kind: from the shelf, or made now. The caller owns it. */
  take(image: Image, limits: Limits, signal: AbortSignal): Promise<MachineHandle>
  /** Ends a shell or machine and takes its place away. */
  discard(handle: MachineHandle): Promise<void>
}

export interface ShelfOptions {
  driver: Driver
  places: Places
  size: number
  /** A start is under way: the processors are its. */
  isBusy: () => boolean
  log: Log
}

export function createShelf(options: ShelfOptions): Shelf {
  const { driver, places, size, log } = options
  const kinds = new Map<string, Kind>()
  const closing = new AbortController()
  let uses = 0
  let refilling: Promise<void> | undefined

  const make = async (image: Image, limits: Limits, signal: AbortSignal): Promise<MachineHandle> => {
    const place = await places.make(limits)
    try {
      return await driver.prepare(place, image, limits, signal)
    } catch (error) {
      await places.remove(place)
      throw error
    }
  }
  const discard = async (handle: MachineHandle): Promise<void> => {
    await driver.kill(handle)
    await places.remove(handle.place)
  }
  const evict = async (): Promise<void> => {
    const oldest = [...kinds].sort(([, a], [, b]) => a.lastUsed - b.lastUsed)[0]
    if (kinds.size <= kindsMax || !oldest) return
    kinds.delete(oldest[0])
    for (const handle of oldest[1].ready) await discard(handle)
  }
  const refill = async (): Promise<void> => {
    for (;;) {
      await sleep(refillPollMs, undefined, { signal: closing.signal })
      await evict()
      const kind = [...kinds.values()]
        .sort((a, b) => b.lastUsed - a.lastUsed)
        .find((kind) => kind.ready.length < size)
      if (!kind) return
      if (kind.ready.length > 0 && options.isBusy()) continue
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(prepareDeadlineMs)])
      const handle = await make(kind.image, kind.limits, signal)
      if (closing.signal.aborted || !kinds.has(keyOf(kind.image, kind.limits))) await discard(handle)
      else kind.ready.push(handle)
    }
  }
  const startRefill = (): void => {
    if (closing.signal.aborted || size === 0) return
    refilling ??= refill()
      .catch((error: unknown) => {
        if (!closing.signal.aborted) log.warn({ err: error }, 'a shell could not be prepared ahead')
      })
      .finally(() => (refilling = undefined))
  }

  return {
    take: async (image, limits, signal) => {
      const key = keyOf(image, limits)
      const kind = kinds.get(key) ?? { image, limits, ready: [], lastUsed: 0 }
      kinds.set(key, kind)
      kind.lastUsed = ++uses
      const ready = kind.ready.shift()
      startRefill()
      if (ready && isAlive(ready.process)) return ready
      if (ready) await discard(ready)
      return await make(image, limits, signal)
    },
    discard,
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      await refilling
      const ready = [...kinds.values()].flatMap((kind) => kind.ready)
      kinds.clear()
      for (const handle of ready) await discard(handle)
    },
  }
}

const keyOf = (image: Image, limits: Limits): string =>
  `${image.digest}/${limits.cpu}/${limits.memoryMb}/${limits.diskMb}/${limits.pids}`
