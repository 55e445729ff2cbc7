// Where trees and images of this room lie below the data directory, and places to build in. A building place carries the
// identity of its process in its name, so that the next build can tell what a killed one has left.
//
//   images/<name>/<digest>/{rootfs.erofs,manifest.json}     images/<name>/current.json
//   images/.trees/<key>/                                    images/.building/<pid>-<start>-<uuid>/

import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { identity, isAlive } from '@pandastack/kit/process/identity.ts'

export const imagesDir = (dataDir: string): string => join(dataDir, 'images')
export const imageDir = (dataDir: string, name: string, digest: string): string =>
  join(dataDir, 'images', name, digest)
export const treesDir = (dataDir: string): string => join(dataDir, 'images', '.trees')
export const treeDir = (dataDir: string, key: string): string => join(treesDir(dataDir), key)

export interface BuildPlace extends AsyncDisposable {
  dir: string
}

/** An empty directory on the same file system as the results; gone when disposed, whatever is in it. */
export const openBuildPlace = async (dataDir: string): Promise<BuildPlace> => {
  const all = join(imagesDir(dataDir), '.building')
  await mkdir(all, { recursive: true, mode: 0o700 })
  await mkdir(treesDir(dataDir), { recursive: true, mode: 0o700 })
  const startTime = identity(process.pid)?.startTime ?? '0'
  const dir = join(all, `${process.pid}-${startTime}-${randomUUID()}`)
  await mkdir(dir, { mode: 0o700 })
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true, maxRetries: 3 }) }
}

/** Removes building places of processes that are no more. */
export const removeAbandoned = async (dataDir: string): Promise<void> => {
  const all = join(imagesDir(dataDir), '.building')
  for (const name of await readdir(all).catch(() => [])) {
    const [pid, startTime = ''] = name.split('-', 2)
    if (isAlive({ pid: Number(pid), startTime })) continue
    await rm(join(all, name), { recursive: true, force: true })
  }
}

/** Removes trees that no image of this configuration is made from. */
export const removeOtherTrees = async (dataDir: string, keep: ReadonlySet<string>): Promise<void> => {
  for (const name of await readdir(treesDir(dataDir)).catch(() => [])) {
    if (!keep.has(name)) await rm(join(treesDir(dataDir), name), { recursive: true, force: true })
  }
}
