// What `changes` writes, for drivers that find it out in this language and for whoever reads it: lines of JSON, each a
// changed file, the last one the end. Fails only as files do.

import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { changedFile, changesEnd, type ChangedFile } from '@pandastack/contracts/wire/host/v1/snapshots.ts'

export type { ChangedFile }
export type ChangesEnd = ReturnType<typeof changesEnd.parse>

/** Directories of the root where other file systems are mounted: what is in them is not of the disk. */
const elsewhere = ['/dev', '/proc', '/run', '/sys', '/tmp']

export const isOfDisk = (path: string): boolean =>
  !elsewhere.some((dir) => path === dir || path.startsWith(`${dir}/`))

/** What is kept of texts: of one file, and of all in one answer. */
export const textMaxBytes = 65_536
export const textsMaxBytes = 8_388_608

/** Writes the first `entriesMax` of them, and the end. */
export const writeChanges = async (
  file: string,
  entries: AsyncIterable<ChangedFile> | Iterable<ChangedFile>,
  { entriesMax, image }: { entriesMax: number; image: string },
): Promise<void> => {
  const handle = await open(file, 'w', 0o600)
  try {
    let written = 0
    let truncated = false
    for await (const entry of entries) {
      truncated = written === entriesMax
      if (truncated) break
      await handle.write(`${JSON.stringify(entry)}\n`)
      written++
    }
    const end: ChangesEnd = { done: true, truncated, image }
    await handle.write(`${JSON.stringify(end)}\n`)
  } finally {
    await handle.close()
  }
}

export const readChanges = async (
  file: string,
): Promise<{ files: ChangedFile[]; end: ChangesEnd | null }> => {
  const files: ChangedFile[] = []
  let end: ChangesEnd | null = null
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (end) throw new Error('lines after the end')
    const value: unknown = JSON.parse(line)
    const last = changesEnd.safeParse(value)
    if (last.success) end = last.data
    else files.push(changedFile.parse(value))
  }
  return { files, end }
}
