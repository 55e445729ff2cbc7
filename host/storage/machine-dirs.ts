// One directory per machine: `machines/<machineId>`, owned by root, closed to everybody else. Machine ids come over the
// wire, so they are checked before they become part of a path. Removal follows no link and enters no mount.

import { lstat, mkdir, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isUuid } from '@pandastack/contracts/ids.ts'
import { removeWhole } from './collect.ts'
import { mounts, mountsBelow } from './mounts.ts'

/** Thrown for a machine id that is not one; the text may come from outside. */
export class BadMachineId extends Error {
  override readonly name = 'BadMachineId'
}

/** Thrown when something is still mounted inside a directory that should go. */
export class StillMounted extends Error {
  override readonly name = 'StillMounted'
}

export const machinesDir = (dataDir: string): string => join(dataDir, 'machines')

export const machineDir = (dataDir: string, machineId: string): string => {
  if (!isUuid(machineId)) throw new BadMachineId('a machine id is a UUID in lower case')
  return join(machinesDir(dataDir), machineId)
}

/** Makes the directory; one that is already there is kept as it is. */
export const createMachineDir = async (dataDir: string, machineId: string): Promise<string> => {
  const dir = machineDir(dataDir, machineId)
  await mkdir(machinesDir(dataDir), { recursive: true, mode: 0o711 })
  try {
    await mkdir(dir, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (!(await lstat(dir)).isDirectory()) throw new Error(`${dir} is not a directory`, { cause: error })
  }
  return dir
}

/** Removes the directory with all in it; one that is not there is fine. */
export const removeMachineDir = async (dataDir: string, machineId: string): Promise<void> => {
  const dir = machineDir(dataDir, machineId)
  const found = await lstat(dir).catch(() => null)
  if (found === null) return
  if (!found.isDirectory()) return unlink(dir)
  const all = await mounts()
  const inside = [...mountsBelow(all, dir), ...all.filter(({ path }) => path === dir)]
  if (inside[0]) throw new StillMounted(`${inside[0].path} is still mounted`)
  await removeWhole(dir)
}

/** Names below `machines`, whatever they are. */
export const listMachineDirs = async (dataDir: string): Promise<string[]> => {
  try {
    return await readdir(machinesDir(dataDir))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
