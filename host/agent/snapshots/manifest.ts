// What a durable snapshot says of itself, in a file among its own that is summed with them. The digest of the file of sums
// stands for every byte of the snapshot; whoever keeps it elsewhere can tell one snapshot from another.

import { createHash } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import type { SnapshotReport } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import type { Snapshot } from '@pandastack/driver/values.ts'

const image = z.object({
  name: z.string(),
  digest: z.string(),
  erofsPath: z.string(),
  sizeBytes: z.number(),
  env: z.record(z.string(), z.string()),
  user: z.string(),
  workdir: z.string(),
})

const schema = z.object({
  version: z.literal(1),
  id: z.uuid(),
  driver: z.string(),
  driverVersion: z.string(),
  image,
  limits: z.object({ cpu: z.number(), memoryMb: z.number(), diskMb: z.number(), pids: z.number() }),
  tier: z.string(),
  pauseMs: z.number(),
  createdUnixMs: z.number(),
})
export type Manifest = z.infer<typeof schema>

const sumsFile = 'sums.json'
const manifestFile = (dir: string): string => path.join(dir, 'manifest.json')

/** Before the directory is sealed. */
export const writeManifest = (dir: string, manifest: Manifest): Promise<void> =>
  writeFile(manifestFile(dir), JSON.stringify(manifest), { mode: 0o400 })

export interface Found {
  manifest: Manifest
  digest: string
  /** Room of its files, whoever shares it. */
  bytes: number
}

/** Null when there is none, or nothing that can be read as one. Whether it is the one that was written is not checked. */
export const readManifest = async (dir: string): Promise<Found | null> => {
  try {
    const manifest = schema.parse(JSON.parse(await readFile(manifestFile(dir), 'utf8')))
    const sums = await readFile(path.join(dir, sumsFile))
    const looks = await Promise.all((await readdir(dir)).map((name) => stat(path.join(dir, name))))
    const bytes = looks.reduce((sum, { blocks }) => sum + blocks * 512, 0)
    return { manifest, digest: createHash('sha256').update(sums).digest('hex'), bytes }
  } catch {
    return null
  }
}

export const snapshotOf = (manifest: Manifest, dir: string): Snapshot => ({
  id: manifest.id,
  dir,
  driver: manifest.driver,
  driverVersion: manifest.driverVersion,
  image: manifest.image,
  limits: manifest.limits,
})

/** Nothing in it claims to last. */
export const isPassing = async (dir: string): Promise<boolean> => {
  const names = await readdir(dir)
  return !names.includes('manifest.json') && !names.includes(sumsFile)
}

export interface Sealed {
  digest: string
  uniqueBytes: number
  sharedBytes: number
}

export const reportOf = (manifest: Manifest, sealed: Sealed): SnapshotReport => ({
  snapshotId: manifest.id,
  state: 'ready',
  durable: true,
  ...sealed,
  pauseMs: manifest.pauseMs,
  tier: manifest.tier,
  driver: manifest.driver,
  driverVersion: manifest.driverVersion,
  failure: null,
})
