// What the agent does before it answers anybody: compare its ledger with the kernel, both ways. Machines that live are
// adopted with their slots; machines that died are told so; processes, cgroups, directories and slots that belong to
// nobody are removed. A start that was interrupted has left no acknowledged machine: its row is dropped and the control
// plane asks again.

import type { MachineHandle } from '@pandastack/driver/values.ts'
import type { Ledger } from './ledger.ts'
import type { AgentPorts } from './ports.ts'
import type { Places } from './places.ts'
import { isLive } from './machines/state.ts'

export async function recoverHost(
  ports: AgentPorts,
  ledger: Ledger,
  places: Places,
): Promise<Map<string, 'running' | 'paused' | 'dead'>> {
  const recovered = new Map<string, 'running' | 'paused' | 'dead'>()
  const alive: MachineHandle[] = []
  for (const row of ledger.all()) {
    if (row.report.state === 'starting') {
      ledger.forget(row.spec.machineId)
      continue
    }
    if (!row.handle || !isLive(row.report.state)) continue
    const state = await ports.driver.recover(row.handle)
    recovered.set(row.spec.machineId, state)
    if (state !== 'dead') alive.push(row.handle)
  }
  for (const handle of alive) places.adopt(handle.place)
  await ports.network.adopt(alive.map((handle) => handle.place.nic))
  await sweep(ports, places, alive)
  return recovered
}

/** Removes what belongs to no place. Only safe while nothing is being made, or for things known to be old. */
async function sweep(ports: AgentPorts, places: Places, alive: MachineHandle[]): Promise<void> {
  const known = new Set(places.live().map((place) => place.machineId))
  for (const stray of await ports.driver.strays(alive)) {
    ports.log.warn({ stray }, 'ending a process that belongs to no machine')
    try {
      process.kill(stray.pid, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
  for (const id of await ports.cgroups.list())
    if (!known.has(id)) {
      await ports.cgroups.kill(id)
      await ports.cgroups.remove(id)
    }
  for (const id of await ports.storage.listPlaces()) if (!known.has(id)) await ports.storage.removePlace(id)
}
