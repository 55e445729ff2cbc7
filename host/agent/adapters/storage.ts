// The agent's storage over host/storage: places, template snapshots and tenants' snapshots in the data directory.

import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { publishDir } from '@pandastack/kit/publish/publish.ts'
import type { DataDir } from '@pandastack/storage/data-dir.ts'
import { freeSpace } from '@pandastack/storage/free-space.ts'
import { createMachineDir, listMachineDirs, removeMachineDir } from '@pandastack/storage/machine-dirs.ts'
import { snapshotDirs } from '@pandastack/storage/snapshot-dirs.ts'
import type { Storage } from '../ports.ts'

export function hostStorage(data: DataDir): Storage {
  const templatesDir = path.join(data.dir, 'templates')
  mkdirSync(templatesDir, { recursive: true, mode: 0o700 })
  return {
    templatesDir,
    createPlace: (id) => createMachineDir(data.dir, id),
    removePlace: (id) => removeMachineDir(data.dir, id),
    listPlaces: () => listMachineDirs(data.dir),
    publish: (from, to) => publishDir(from, to),
    snapshots: snapshotDirs(data.dir),
    freeSpace: () => freeSpace(data),
  }
}
