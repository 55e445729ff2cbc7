// Keeps log files bounded. The writers hold their files open for appending, across our own death too, so a file is
// copied and emptied in place; lines written between the two are lost, which is the price of having no pipe.

import { copyFile, rename, rm, stat, truncate } from 'node:fs/promises'

export const logBytesMax = 16 * 1024 * 1024

/** `file` becomes `file.1`, an earlier `file.1` becomes `file.2`, once it is longer than `maxBytes`. */
export const rotate = async (file: string, maxBytes: number = logBytesMax): Promise<boolean> => {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  )
  if (size <= maxBytes) return false
  await rename(`${file}.1`, `${file}.2`).catch(() => undefined)
  try {
    await copyFile(file, `${file}.1`)
  } catch {
    // No room for a copy: bounded goes before kept.
    await rm(`${file}.1`, { force: true })
  }
  await truncate(file, 0)
  return true
}
