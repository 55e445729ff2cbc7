// Which files of a machine's root disk differ from its image. Images here have no content, so whatever is there was
// added: the stand-in guest's files, or the home of the real one.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { isOfDisk, textMaxBytes, textsMaxBytes, type ChangedFile } from '@pandastack/driver/changed-files.ts'
import type { Place } from '@pandastack/driver/values.ts'
import type { Memory } from './guest.ts'
import { diskDir } from './launch.ts'

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex')

const textOf = (content: Buffer): string | null => {
  const text = content.toString('utf8')
  return text.includes('\0') || !Buffer.from(text).equals(content) ? null : text
}

/** Answers with texts until there is enough of them. */
const textBudget = () => {
  let left = textsMaxBytes
  return (content: Buffer): string | null => {
    const text = content.length > textMaxBytes || content.length > left ? null : textOf(content)
    if (text !== null) left -= content.length
    return text
  }
}

const added = { change: 'added', baseSha256: null, text: null, baseText: null } as const
const fileMode = 0o644

export function* changesOfMemory({ files }: Memory): Iterable<ChangedFile> {
  const text = textBudget()
  for (const name of Object.keys(files).filter(isOfDisk).toSorted()) {
    const content = Buffer.from(files[name] ?? '', 'base64')
    const about = { path: name, kind: 'file', sizeBytes: content.length, mode: fileMode } as const
    yield { ...added, ...about, sha256: sha256(content), text: text(content) }
  }
}

/** Of the real guest: it writes to its home and to what is not of the disk. */
export const changesOfDisk = (place: Place): AsyncIterable<ChangedFile> =>
  walk(path.join(diskDir(place), 'home'), '/root', textBudget())

async function* walk(
  dir: string,
  shown: string,
  text: (content: Buffer) => string | null,
): AsyncIterable<ChangedFile> {
  for (const name of (await readdir(dir)).toSorted()) {
    const here = path.join(dir, name)
    const stat = await lstat(here)
    const about = { ...added, path: `${shown}/${name}`, mode: stat.mode & 0o7777 }
    if (stat.isSymbolicLink()) {
      const target = await readlink(here)
      yield { ...about, kind: 'link', sizeBytes: Buffer.byteLength(target), sha256: sha256(target) }
    } else if (stat.isFile()) {
      const small = stat.size > textMaxBytes ? null : await readFile(here)
      const sum = small ? sha256(small) : await sumOf(here)
      yield { ...about, kind: 'file', sizeBytes: stat.size, sha256: sum, text: small && text(small) }
    } else {
      const kind = stat.isDirectory() ? 'directory' : 'other'
      yield { ...about, kind, sizeBytes: 0, sha256: null }
      if (stat.isDirectory()) yield* walk(here, about.path, text)
    }
  }
}

const sumOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
