// What is written beside each image, and the image value read back from it. Fails with a message that names the file
// when a manifest is damaged.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Image } from '@pandastack/driver/values.ts'

export interface Manifest {
  format: 1
  name: string
  digest: string
  /** The package tree it was made from. */
  tree: string
  sizeBytes: number
  sha256: string
  env: Record<string, string>
  user: string
  workdir: string
  /** `name version`. */
  packages: string[]
  createdAt: string
}

export const rootfsName = 'rootfs.erofs'
export const manifestName = 'manifest.json'

/** Null if there is no manifest in the directory. */
export const readManifest = async (dir: string): Promise<Manifest | null> => {
  const path = join(dir, manifestName)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    const manifest = JSON.parse(text) as Manifest
    if (manifest.format === 1 && typeof manifest.digest === 'string') return manifest
  } catch (cause) {
    throw new Error(`${path} is damaged`, { cause })
  }
  throw new Error(`${path} is of another format`)
}

export const imageOf = (dir: string, manifest: Manifest): Image => ({
  name: manifest.name,
  digest: manifest.digest,
  erofsPath: join(dir, rootfsName),
  sizeBytes: manifest.sizeBytes,
  env: manifest.env,
  user: manifest.user,
  workdir: manifest.workdir,
})
