// The agent's storage over host/storage: places and template snapshots in the data directory.

import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { createMachineDir, listMachineDirs, removeMachineDir } from '@pandastack/storage/machine-dirs.ts'
import { publishDir } from '@pandastack/kit/publish/publish.ts'
import type { Storage } from '../ports.ts'

export function hostStorage(dataDir: string): Storage {
  const templatesDir = path.join(dataDir, 'templates')
  mkdirSync(templatesDir, { recursive: true, mode: 0o700 })
  return {
    templatesDir,
    createPlace: (id) => createMachineDir(dataDir, id),
    removePlace: (id) => removeMachineDir(dataDir, id),
    listPlaces: () => listMachineDirs(dataDir),
    publish: (from, to) => publishDir(from, to),
  }
}
