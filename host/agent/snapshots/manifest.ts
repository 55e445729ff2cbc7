// What a durable snapshot says of itself, in a file among its own. The digest of that file stands for every byte of the
// snapshot, because it holds the sum of sums; whoever keeps the digest elsewhere can tell one snapshot from another.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import type { SnapshotReport } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import type { Snapshot } from '@pandastack/driver/values.ts'
import { publishFile } from '@pandastack/kit/publish/publish.ts'

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
  uniqueBytes: z.number(),
  sharedBytes: z.number(),
  /** SHA-256 of the file that holds the sums of all others. */
  sums: z.string(),
  createdUnixMs: z.number(),
})
export type Manifest = z.infer<typeof schema>

const manifestFile = (dir: string): string => path.join(dir, 'manifest.json')

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Returns the digest. */
export const writeManifest = async (dir: string, manifest: Manifest): Promise<string> => {
  const text = JSON.stringify(manifest)
  await publishFile(manifestFile(dir), text, 0o400)
  return digestOf(text)
}

/** Null when there is none, or nothing that can be read as one. */
export const readManifest = async (dir: string): Promise<{ manifest: Manifest; digest: string } | null> => {
  try {
    const text = await readFile(manifestFile(dir), 'utf8')
    return { manifest: schema.parse(JSON.parse(text)), digest: digestOf(text) }
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

export const reportOf = (manifest: Manifest, digest: string): SnapshotReport => ({
  snapshotId: manifest.id,
  state: 'ready',
  durable: true,
  digest,
  uniqueBytes: manifest.uniqueBytes,
  sharedBytes: manifest.sharedBytes,
  pauseMs: manifest.pauseMs,
  tier: manifest.tier,
  driver: manifest.driver,
  driverVersion: manifest.driverVersion,
  failure: null,
})
