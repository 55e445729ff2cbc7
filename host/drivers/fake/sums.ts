// Sums of the fake's snapshots without a companion: the same `sums.json`, and the same errors by name, for small files.
// Other than the real one it takes folders too, because the fake's disk is made of them; and it flushes nothing.

import { createHash } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'

interface FileSums {
  name: string
  size: number
  sha256: string[]
}

const sumsName = 'sums.json'
const chunkBytes = 1_048_576

const hexSum = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

const mismatch = (file: string): Error =>
  Object.assign(new Error(`${file} is not as it was sealed`), { name: 'SumsMismatch', file, chunk: null })

const missing = (dir: string): Error =>
  Object.assign(new Error(`there is no ${dir}`), { name: 'SumsMissing' })

const chunkSums = (content: Buffer): string[] => {
  const sums: string[] = []
  for (let at = 0; at < content.length; at += chunkBytes)
    sums.push(hexSum(content.subarray(at, at + chunkBytes)))
  return sums
}

/** What is neither file nor folder comes as `odd`. */
const look = async (dir: string): Promise<{ names: string[]; odd: string | undefined }> => {
  if (!(await stat(dir).catch(() => null))) throw missing(dir)
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const nameOf = (entry: { parentPath: string; name: string }): string =>
    path.relative(dir, path.join(entry.parentPath, entry.name))
  const odd = entries.find((entry) => !entry.isFile() && !entry.isDirectory())
  return {
    names: entries
      .filter((entry) => entry.isFile())
      .map(nameOf)
      .filter((name) => name !== sumsName)
      .toSorted(),
    odd: odd && nameOf(odd),
  }
}

const sumsOf = async (dir: string, names: readonly string[]): Promise<FileSums[]> => {
  const files: FileSums[] = []
  for (const name of names) {
    const content = await readFile(path.join(dir, name))
    files.push({ name, size: content.length, sha256: chunkSums(content) })
  }
  return files
}

/** Name of a file that is in one of the two only, or not the same in both. */
const differing = (kept: readonly FileSums[], found: readonly FileSums[]): string | undefined => {
  const texts = (files: readonly FileSums[]) => new Set(files.map((file) => JSON.stringify(file)))
  const [before, now] = [texts(kept), texts(found)]
  const [only] = [...now.difference(before), ...before.difference(now)]
  return only === undefined ? undefined : (JSON.parse(only) as FileSums).name
}

export const createFakeSums = () => ({
  seal: async (
    dir: string,
    signal: AbortSignal,
  ): Promise<{ sha256: string; uniqueBytes: number; sharedBytes: number }> => {
    signal.throwIfAborted()
    const { names, odd } = await look(dir)
    if (odd !== undefined) throw new Error(`${odd} is no regular file`)
    const files = await sumsOf(dir, names)
    const text = `${JSON.stringify({ version: 1, chunkBytes, files })}\n`
    await writeFile(path.join(dir, sumsName), text, { mode: 0o600 })
    const uniqueBytes = files.reduce((sum, { size }) => sum + size, 0)
    return { sha256: hexSum(text), uniqueBytes, sharedBytes: 0 }
  },
  verify: async (dir: string, sha256: string, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted()
    const { names, odd } = await look(dir)
    const text = await readFile(path.join(dir, sumsName)).catch(() => '')
    if (hexSum(text) !== sha256) throw mismatch(sumsName)
    const { files } = JSON.parse(String(text)) as { files: FileSums[] }
    const file = odd ?? differing(files, await sumsOf(dir, names))
    if (file !== undefined) throw mismatch(file)
  },
})
