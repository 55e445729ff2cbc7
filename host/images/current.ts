// Which image of a name new machines use, and which ones are left over. The pointer is replaced whole; whoever runs on
// an older image keeps it by a lease until the caller collects it.

import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Image } from '@pandastack/driver/values.ts'
import { publishFile } from '@pandastack/kit/publish/publish.ts'
import { imageOf, readManifest } from './manifest.ts'
import { findRecipe, recipes } from './recipe.ts'
import { imageDir, imagesDir } from './workspace.ts'

const pointer = (dataDir: string, name: string): string => join(imagesDir(dataDir), name, 'current.json')

export const setCurrent = (dataDir: string, name: string, digest: string): Promise<void> =>
  publishFile(pointer(dataDir, name), `${JSON.stringify({ digest })}\n`)

const currentDigest = async (dataDir: string, name: string): Promise<string | null> => {
  const text = await readFile(pointer(dataDir, name), 'utf8').catch(() => '{}')
  const { digest } = JSON.parse(text) as { digest?: unknown }
  return typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest) ? digest : null
}

/** Null if none was built yet. */
export const currentImage = async (dataDir: string, name: string): Promise<Image | null> => {
  findRecipe(name)
  const digest = await currentDigest(dataDir, name)
  if (digest === null) return null
  const dir = imageDir(dataDir, name, digest)
  const manifest = await readManifest(dir)
  return manifest && imageOf(dir, manifest)
}

/** Directories of all images that are not current: candidates for collection, if nobody uses them. */
export const supersededImages = async (dataDir: string): Promise<string[]> => {
  const found: string[] = []
  for (const { name } of recipes) {
    const current = await currentDigest(dataDir, name)
    const entries = await readdir(join(imagesDir(dataDir), name)).catch(() => [])
    for (const entry of entries) {
      if (entry !== current && !entry.startsWith('current.json'))
        found.push(join(imagesDir(dataDir), name, entry))
    }
  }
  return found
}
