// The stand-in guests of one driver object, by machine. Owns their listeners; the memory file in the place's directory is
// what the next driver object goes on with.

import { DriverError } from '@pandastack/driver/driver.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import { startGuest, type Guest, type Memory } from './guest.ts'
import { guestPortOf } from './launch.ts'
import { stateOf } from './recover.ts'
import { readMemory, writeMemory } from './snapshot.ts'

export interface StandIns extends Disposable {
  start(machine: MachineHandle, memory: Memory): Promise<void>
  /** Goes on with what an earlier driver object left; does nothing for a shell, or where that one still listens. */
  takeOver(machine: MachineHandle): Promise<void>
  has(machine: MachineHandle): boolean
  memoryOf(machine: MachineHandle): Memory | undefined
  /** Nothing is written any more when it returns. */
  stop(machine: MachineHandle): Promise<void>
}

export const createStandIns = (): StandIns => {
  const guests = new Map<string, Guest & { saved(): Promise<void> }>()

  const start = async (machine: MachineHandle, memory: Memory): Promise<void> => {
    const { nic, dir } = machine.place
    let saving = writeMemory(dir, memory)
    const onChange = (): Promise<void> => (saving = saving.then(() => writeMemory(dir, memory)))
    await saving
    const state = () => stateOf(machine)
    const guest = await startGuest({ nic, port: guestPortOf(machine.place), memory, onChange, state })
    guests.set(machine.machineId, { ...guest, saved: () => saving.catch(() => undefined) })
    if (state() !== 'dead') return
    guest.close()
    throw new DriverError('dead', 'the machine was ended while it started')
  }
  return {
    start,
    takeOver: async (machine) => {
      if (guests.has(machine.machineId)) return
      const memory = await readMemory(machine.place.dir).catch(() => null)
      if (memory === null) return
      await start(machine, memory).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE') throw error
      })
    },
    has: (machine) => guests.has(machine.machineId),
    memoryOf: (machine) => guests.get(machine.machineId)?.memory,
    stop: async (machine) => {
      const guest = guests.get(machine.machineId)
      guests.delete(machine.machineId)
      guest?.close()
      await guest?.saved()
    },
    [Symbol.dispose]: () => {
      for (const guest of guests.values()) guest.close()
      guests.clear()
    },
  }
}
