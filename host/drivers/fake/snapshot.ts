// Capture and restore. A snapshot's directory holds `memory.json`, and with the real guest agent the captured folders.

import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DriverError } from '@pandastack/driver/driver.ts'
import type { Image, MachineHandle, Place, Snapshot } from '@pandastack/driver/values.ts'
import { driverVersion } from './config.ts'
import type { Memory } from './guest.ts'
import { diskDir, diskParts } from './launch.ts'

const memoryFile = (dir: string): string => path.join(dir, 'memory.json')

const asDriverError = (error: unknown): never => {
  if (error instanceof DriverError) throw error
  const full = (error as NodeJS.ErrnoException).code === 'ENOSPC'
  throw new DriverError(
    full ? 'no_space' : 'failed',
    full ? 'no space for the snapshot' : 'the disk failed',
    error,
  )
}

/** Whole or not at all: the process may be killed at any time. */
export const writeMemory = async (dir: string, memory: Memory): Promise<void> => {
  const making = `${memoryFile(dir)}.making`
  const text = JSON.stringify(memory)
  try {
    await writeFile(making, text, { mode: 0o600 })
    await rename(making, memoryFile(dir))
  } catch (error) {
    asDriverError(error)
  }
}

const checked = (memory: Memory): Memory => {
  const { counter, generation, token, files } = memory
  const whole = Number.isInteger(counter) && Number.isInteger(generation) && typeof token === 'string'
  if (!whole || !Object.values(files).every((content) => typeof content === 'string'))
    throw new TypeError('fields of other types')
  return { counter, generation, token, files }
}

export const readMemory = async (dir: string): Promise<Memory> => {
  try {
    return checked(JSON.parse(await readFile(memoryFile(dir), 'utf8')))
  } catch (error) {
    throw new DriverError('corrupt_snapshot', `what is in ${path.basename(dir)} is no memory`, error)
  }
}

export const makeDisk = async (place: Place): Promise<void> => {
  for (const part of diskParts) await mkdir(path.join(diskDir(place), part), { recursive: true })
}

export const captureDisk = async (machine: MachineHandle, dir: string): Promise<void> =>
  await cp(diskDir(machine.place), path.join(dir, 'disk'), { recursive: true }).catch(asDriverError)

/** Into directories that the shell has mounted already, so they are filled and not replaced. */
export const restoreDisk = async (machine: MachineHandle, dir: string): Promise<void> => {
  try {
    await cp(path.join(dir, 'disk'), diskDir(machine.place), { recursive: true })
  } catch (error) {
    asDriverError(error)
  }
}

export const checkFits = (snapshot: Snapshot, image: Image): void => {
  if (snapshot.driver !== 'fake' || snapshot.driverVersion !== driverVersion)
    throw new DriverError(
      'incompatible_snapshot',
      `the snapshot was taken by ${snapshot.driver} ${snapshot.driverVersion}, this is fake ${driverVersion}`,
    )
  if (snapshot.image.digest !== image.digest)
    throw new DriverError('incompatible_snapshot', 'the shell was prepared for another image')
}
