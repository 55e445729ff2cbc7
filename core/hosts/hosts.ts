// The hosts: ways to them, what they last said of themselves, and where the next sandbox goes.
// Owns the reservations of creates that are not in the registry yet.

import type { HostInfo } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { Clock } from '@pandastack/kit/clock/clock.ts'
import { HostUnreachable } from '../ports/host-port.ts'
import type { HostPort } from '../ports/host-port.ts'
import type { GuestPort } from '../ports/guest-port.ts'
import { hostAway, invalid, noCapacity } from '../refusals.ts'

export interface HostLink {
  /** The name by which rows refer to it. */
  name: string
  host: HostPort
  guest: GuestPort
}

/** A place for one machine, held until its row is known. */
export interface Place extends Disposable {
  readonly name: string
}

export interface Hosts {
  readonly links: readonly HostLink[]
  link(name: string): HostLink
  /** The host with most room, or the one that is named. Throws `no_capacity` when all are full, `unavailable` when none answers. */
  place(wish: { cpu: number; memoryMb: number; host?: string | null }): Promise<Place>
  /** Asks every host; those that do not answer are left out. */
  refresh(): Promise<HostInfo[]>
  lastInfos(): HostInfo[]
}

const freshMs = 5000

interface Known {
  info: HostInfo
  seenMs: number
}

export const createHosts = (options: {
  links: readonly HostLink[]
  clock: Clock
  /** Machines of living sandboxes on that host. */
  countOn: (name: string) => number
  onSeen: (link: HostLink, info: HostInfo) => void
}): Hosts => {
  const known = new Map<string, Known>()
  const reserved = new Map<string, number>()

  const ask = async (link: HostLink): Promise<HostInfo | null> => {
    try {
      const info = await link.host.info()
      known.set(link.name, { info, seenMs: options.clock.monotonicMs() })
      options.onSeen(link, info)
      return info
    } catch (error) {
      if (error instanceof HostUnreachable) return null
      throw error
    }
  }

  const refresh = async (): Promise<HostInfo[]> => {
    const infos = await Promise.all(options.links.map(ask))
    return infos.filter((info) => info !== null)
  }

  const isStale = (link: HostLink): boolean => {
    const seenMs = known.get(link.name)?.seenMs
    return seenMs === undefined || options.clock.monotonicMs() - seenMs > freshMs
  }

  const room = (link: HostLink): number => {
    const max = known.get(link.name)?.info.machinesMax ?? 0
    return max - options.countOn(link.name) - (reserved.get(link.name) ?? 0)
  }

  return {
    links: options.links,
    link(name) {
      const found = options.links.find((link) => link.name === name)
      if (!found) throw hostAway(new Error(`no host is named ${JSON.stringify(name)}`))
      return found
    },
    refresh,
    lastInfos: () => [...known.values()].map(({ info }) => info),
    async place({ cpu, memoryMb, host = null }) {
      if (known.size === 0) await refresh()
      else if (options.links.some(isStale)) void refresh().catch(() => {})
      const seen = options.links.filter(({ name }) => known.has(name) && (host === null || name === host))
      if (seen.length === 0) throw hostAway(new Error('no host has been seen yet'))
      const large = seen.filter((link) => fits(known.get(link.name)?.info, cpu, memoryMb))
      if (large.length === 0) throw invalid('no host is large enough for the cpu or memory_mb asked for')
      const best = large.reduce((a, b) => (room(b) > room(a) ? b : a))
      if (room(best) <= 0) throw noCapacity('no compute capacity available')
      reserved.set(best.name, (reserved.get(best.name) ?? 0) + 1)
      let held = true
      return {
        name: best.name,
        [Symbol.dispose]() {
          if (held) reserved.set(best.name, (reserved.get(best.name) ?? 1) - 1)
          held = false
        },
      }
    },
  }
}

const fits = (info: HostInfo | undefined, cpu: number, memoryMb: number): boolean =>
  info !== undefined && cpu <= Math.max(info.cpus, 2) && memoryMb <= info.memoryMb
