// Things on this host that bear our names and belong to no place that exists.

import type { AgentPorts, Leak } from './ports.ts'
import type { Places } from './places.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'

export async function findLeaks(ports: AgentPorts, places: Places): Promise<Leak[]> {
  const before = new Set(places.live().map((place) => place.machineId))
  const [cgroups, dirs, strays] = await Promise.all([
    ports.cgroups.list(),
    ports.storage.listPlaces(),
    // A stray is judged by its id alone, so a place is as good as a handle.
    ports.driver.strays([...before].map((machineId) => ({ machineId }) as MachineHandle)),
  ])
  // A place made or removed while we looked is no leak: it counts when it belonged to nobody before and after.
  const after = new Set(places.live().map((place) => place.machineId))
  const owned = (id: string) => before.has(id) || after.has(id)
  return [
    ...strays
      .filter((stray) => ![...after].some((id) => stray.detail.includes(id)))
      .map((stray): Leak => ({ kind: 'process', name: String(stray.pid), detail: stray.detail })),
    ...cgroups
      .filter((id) => !owned(id))
      .map((id): Leak => ({ kind: 'cgroup', name: id, detail: 'no such place' })),
    ...dirs
      .filter((id) => !owned(id))
      .map((id): Leak => ({ kind: 'file', name: id, detail: 'directory of no place' })),
    ...(await ports.network.leaks(places.live().map((place) => place.nic))),
  ]
}
