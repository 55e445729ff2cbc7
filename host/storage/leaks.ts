// What lies below the data directory and belongs to no machine: directories, mounts, loop devices. Reads only.

import { sep } from 'node:path'
import { listMachineDirs, machinesDir } from './machine-dirs.ts'
import { loopDevices, mounts, mountsBelow, type LoopDevice, type Mount } from './mounts.ts'
import { volumeFile } from './loop-volume.ts'

export interface Leak {
  kind: 'file' | 'mount'
  name: string
  detail: string
}

export interface Found {
  machineDirs: readonly string[]
  mounts: readonly Mount[]
  loops: readonly LoopDevice[]
}

/** The judgement alone, on what was found. Pure. */
export const judgeLeaks = (dataDir: string, known: ReadonlySet<string>, found: Found): Leak[] => {
  const root = machinesDir(dataDir)
  const owner = (path: string): string => path.slice(root.length + 1).split(sep, 1)[0] ?? ''
  const leaks: Leak[] = []
  for (const name of found.machineDirs) {
    if (!known.has(name))
      leaks.push({ kind: 'file', name: `${root}/${name}`, detail: 'directory of no machine' })
  }
  for (const { path, fs } of mountsBelow(found.mounts, root)) {
    if (!known.has(owner(path)))
      leaks.push({ kind: 'mount', name: path, detail: `${fs} mounted for no machine` })
  }
  for (const { device, backingFile } of found.loops) {
    const ofVolume = backingFile === volumeFile(dataDir)
    const inside = backingFile.startsWith(`${root}/`)
    const mounted = found.mounts.some(({ source }) => source === device)
    const leaked = ofVolume ? !mounted : inside && !known.has(owner(backingFile))
    if (leaked)
      leaks.push({ kind: 'mount', name: device, detail: `loop device over ${backingFile}, used by nothing` })
  }
  return leaks
}

/** Everything of machines that are not among the known ones. */
export const leaks = async (dataDir: string, known: ReadonlySet<string>): Promise<Leak[]> =>
  judgeLeaks(dataDir, known, {
    machineDirs: await listMachineDirs(dataDir),
    mounts: await mounts(),
    loops: await loopDevices(),
  })
