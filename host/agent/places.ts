// Places: directory, network slot, uid range and cgroup of one machine. Made together, taken away together, and in the
// order that lets nothing outlive its owner: processes first, the slot last, so that its number (and with it the uid
// range) is not used again while a file of the old owner exists.

import { randomUUID } from 'node:crypto'
import type { Limits, Nic, Place } from '@pandastack/driver/values.ts'
import type { Cgroups, Network, Storage } from './ports.ts'

/** Far above what distributions hand out to people (subuid ranges start at 100,000), and inside 31 bits. */
const uidFirst = 1_073_741_824
const uidsPerPlace = 65_536

export const uidBaseOf = (nic: Nic): number => uidFirst + nic.slot * uidsPerPlace

export interface Places {
  make(limits: Limits): Promise<Place>
  /** Ends what still runs in it and removes it. May be repeated. */
  remove(place: Place): Promise<void>
  /** A place that was made by an earlier agent and is in use. */
  adopt(place: Place): void
  /** All places that exist, from before their making to after their removal. */
  live(): Place[]
}

export function createPlaces(ports: { network: Network; cgroups: Cgroups; storage: Storage }): Places {
  const { network, cgroups, storage } = ports
  const live = new Map<string, Place>()
  const removeById = async (id: string, nic: Nic) => {
    try {
      await cgroups.kill(id)
      await cgroups.remove(id)
      await storage.removePlace(id)
      await network.release(nic)
    } finally {
      // What could not be removed belongs to nobody from here on, so that the leak check names it.
      live.delete(id)
    }
  }
  return {
    make: async (limits) => {
      const id = randomUUID()
      const nic = await network.acquire()
      const place: Place = { machineId: id, dir: '', nic, uidBase: uidBaseOf(nic), cgroupProcsFiles: [] }
      live.set(id, place)
      try {
        const [dir, cgroup] = await Promise.all([storage.createPlace(id), cgroups.create(id, limits)])
        const made = { ...place, dir, cgroupProcsFiles: cgroup.procsFiles }
        live.set(id, made)
        return made
      } catch (error) {
        await removeById(id, nic)
        throw error
      }
    },
    remove: (place) => removeById(place.machineId, place.nic),
    adopt: (place) => void live.set(place.machineId, place),
    live: () => [...live.values()],
  }
}
