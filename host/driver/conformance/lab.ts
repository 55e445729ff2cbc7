// Makes machines for one test and takes all of them away again, whatever the test did to them. Owns their places.

import type { Driver } from '../driver.ts'
import type { MachineHandle, Place, Snapshot } from '../values.ts'
import type { Subject, Workload } from './subject.ts'

/** Far above what any step takes; a step that hangs shall fail and not stop the suite. */
export const stepDeadlineMs = 120_000
export const soon = (): AbortSignal => AbortSignal.timeout(stepDeadlineMs)

export interface Lab extends AsyncDisposable {
  subject: Subject
  driver: Driver
  place(): Promise<Place>
  shell(signal?: AbortSignal): Promise<MachineHandle>
  booted(): Promise<MachineHandle>
  restored(snapshot: Snapshot): Promise<MachineHandle>
  captured(machine: MachineHandle, options?: { leaveRunning: boolean }): Promise<Snapshot>
  talk(machine: MachineHandle): Workload
  /** Every process of this machine, as the kernel knows them. */
  pids(machineId: string): Promise<number[]>
}

export const createLab = async (subject: Subject): Promise<Lab> => {
  const places = new Map<string, Place>()
  const machines = new Map<string, MachineHandle>()
  const { version } = await subject.driver.probe(soon())

  const lab: Lab = {
    subject,
    driver: subject.driver,
    place: async () => {
      const place = await subject.makePlace()
      places.set(place.machineId, place)
      return place
    },
    shell: async (signal = soon()) => {
      const shell = await lab.driver.prepare(await lab.place(), subject.image, subject.limits, signal)
      machines.set(shell.machineId, shell)
      return shell
    },
    booted: async () => {
      const machine = await lab.shell()
      await lab.driver.boot(machine, soon())
      return machine
    },
    restored: async (snapshot) => {
      const machine = await lab.shell()
      await lab.driver.restore(machine, snapshot, soon())
      return machine
    },
    captured: async (machine, options = { leaveRunning: true }) => {
      const dir = await subject.makeDir()
      await lab.driver.capture(machine, dir, options, soon())
      const { image, limits } = machine
      return { id: dir, dir, driver: machine.driver, driverVersion: version, image, limits }
    },
    talk: (machine) => subject.talk(machine),
    pids: async (machineId) => {
      const strays = await lab.driver.strays([])
      return strays.filter(({ detail }) => detail.includes(machineId)).map(({ pid }) => pid)
    },
    [Symbol.asyncDispose]: async () => {
      for (const machine of machines.values()) await lab.driver.kill(machine)
      for (const place of places.values()) await subject.removePlace(place)
    },
  }
  return lab
}
