// Things on this host that bear our names and belong to no place that exists.

import { setTimeout as sleep } from 'node:timers/promises'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import type { AgentPorts, Leak } from './ports.ts'
import type { Places } from './places.ts'
import type { Snapshots } from './snapshots/snapshots.ts'

/** A place that is being made or taken away is for a moment half there. */
const secondLookMs = 300

interface Looking {
  ports: AgentPorts
  places: Places
  snapshots: Snapshots
}

export async function findLeaks(looking: Looking): Promise<Leak[]> {
  const first = await look(looking)
  if (first.length === 0) return []
  await sleep(secondLookMs)
  const second = new Set((await look(looking)).map(nameOf))
  return first.filter((leak) => second.has(nameOf(leak)))
}

const nameOf = ({ kind, name }: Leak): string => `${kind} ${name}`

async function look({ ports, places, snapshots }: Looking): Promise<Leak[]> {
  const live = places.live()
  const owned = new Set(live.map((place) => place.machineId))
  const [cgroups, dirs, strays, snapshotDirs, network] = await Promise.all([
    ports.cgroups.list(),
    ports.storage.listPlaces(),
    // A stray is judged by its id alone, so a place is as good as a handle.
    ports.driver.strays([...owned].map((machineId) => ({ machineId }) as MachineHandle)),
    ports.storage.snapshots.list(),
    ports.network.leaks(live.map((place) => place.nic)),
  ])
  const unowned = (ids: string[]): string[] => ids.filter((id) => !owned.has(id))
  return [
    ...strays.map((stray): Leak => ({ kind: 'process', name: String(stray.pid), detail: stray.detail })),
    ...unowned(cgroups).map((id): Leak => ({ kind: 'cgroup', name: id, detail: 'no such place' })),
    ...unowned(dirs).map((id): Leak => ({ kind: 'file', name: id, detail: 'directory of no place' })),
    ...snapshotDirs
      .filter((id) => !snapshots.knows(id))
      .map((id): Leak => ({ kind: 'snapshot', name: id, detail: 'files of a snapshot that is none' })),
    ...network,
  ]
}
