// Ways to damage the files of a snapshot on a test installation's disk, each with the way back.

import { constants } from 'node:fs'
import { copyFile, mkdtemp, open, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Mend = () => Promise<void>

export const snapshotDir = (home: string, id: string): string => join(home, 'data/snapshots', id)

export const filesOf = async (dir: string): Promise<{ name: string; size: number }[]> =>
  Promise.all(
    (await readdir(dir)).toSorted().map(async (name) => ({ name, size: (await stat(join(dir, name))).size })),
  )

/** Writes one byte where it is, and gives back the one that was there. */
const writeByte = async (path: string, at: number, value: (before: number) => number): Promise<number> => {
  await using file = await open(path, 'r+')
  const byte = new Uint8Array(1)
  await file.read(byte, 0, 1, at)
  const before = byte[0] ?? 0
  await file.write(Uint8Array.of(value(before)), 0, 1, at)
  return before
}

export const flipBit = async (path: string, at: number, bit: number): Promise<Mend> => {
  const before = await writeByte(path, at, (value) => value ^ (1 << bit))
  return async () => void (await writeByte(path, at, () => before))
}

/** The file becomes what `change` makes of a copy of it; the original waits beside the snapshot. */
const replace = async (dir: string, name: string, change: (path: string) => Promise<void>): Promise<Mend> => {
  const aside = await mkdtemp(join(dir, '../../aside-'))
  const [path, kept] = [join(dir, name), join(aside, name)]
  await rename(path, kept)
  await copyFile(kept, path, constants.COPYFILE_FICLONE)
  await change(path)
  return async () => {
    await rename(kept, path)
    await rm(aside, { recursive: true })
  }
}

export const shorten = (dir: string, name: string, byBytes: number): Promise<Mend> =>
  replace(dir, name, async (path) => truncate(path, (await stat(path)).size - byBytes))

export const lengthen = (dir: string, name: string, byBytes: number): Promise<Mend> =>
  replace(dir, name, async (path) => truncate(path, (await stat(path)).size + byBytes))

export const remove = (dir: string, name: string): Promise<Mend> => replace(dir, name, (path) => rm(path))

/** Two files or two directories take each other's place. */
export const swap = async (a: string, b: string): Promise<Mend> => {
  const exchange = async (): Promise<void> => {
    await rename(a, `${a}.swapped`)
    await rename(b, a)
    await rename(`${a}.swapped`, b)
  }
  await exchange()
  return exchange
}

/** One more file than was sealed. */
export const add = async (dir: string): Promise<Mend> => {
  const path = join(dir, 'one-more')
  await writeFile(path, 'more')
  return () => rm(path)
}
