// Makes files and directories appear whole or not at all, and stay after a power cut: written aside, flushed, renamed,
// and the rename flushed too. Owns nothing; fails with the error of the file system, and then the final name is untouched.

import { randomUUID } from 'node:crypto'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Flushes one file or directory. */
export const flush = async (path: string): Promise<void> => {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Flushes every file and directory below, children first. Links are left alone: their text lives in the directory. */
export const flushTree = async (path: string): Promise<void> => {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await flushTree(join(path, entry.name))
    else if (entry.isFile()) await flush(join(path, entry.name))
  }
  await flush(path)
}

/** Gives what was flushed already its final name. On one file system; an existing directory must be empty. */
export const publishFlushed = async (tmp: string, final: string): Promise<void> => {
  await rename(tmp, final)
  await flush(dirname(final))
}

/** Flushes the directory `tmp` with all in it and makes it `final`. */
export const publishDir = async (tmp: string, final: string): Promise<void> => {
  await flushTree(tmp)
  await publishFlushed(tmp, final)
}

/** Writes a small file so that readers see the old text or the new one. */
export const publishFile = async (
  final: string,
  content: string | Uint8Array,
  mode = 0o644,
): Promise<void> => {
  const tmp = `${final}.${randomUUID()}.tmp`
  try {
    const handle = await open(tmp, 'wx', mode)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await publishFlushed(tmp, final)
  } catch (error) {
    await rm(tmp, { force: true })
    throw error
  }
}
