// Files that every image gets as they stand in `inside/`: modules by which programs get new random numbers in a clone.
// Added when an image is sealed, as the guest agent is, so that a change does not install the packages anew.

import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const folder = join(import.meta.dirname, 'inside')

const files = [
  { name: 'pandastack_thaw.py', path: 'usr/lib/pandastack/pandastack_thaw.py' },
  { name: 'thaw.cjs', path: 'usr/lib/pandastack/thaw.cjs' },
] as const

/** Where the distribution's Python looks for modules. */
const links = [
  { path: 'usr/lib/python3/dist-packages/pandastack_thaw.py', to: '../../pandastack/pandastack_thaw.py' },
] as const

/** Of what is added and where; part of the digest of each image. */
export const additionsSha256 = async (): Promise<string> => {
  const hash = createHash('sha256').update(JSON.stringify([files, links]))
  for (const { name } of files) hash.update(await readFile(join(folder, name)))
  return hash.digest('hex')
}

const clear = async (path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await rm(path, { force: true })
}

/** Writes into a root file system. What is there already is replaced, never written to: it may be a link. */
export const addFiles = async (root: string): Promise<void> => {
  for (const { name, path } of files) {
    const full = join(root, path)
    await clear(full)
    await cp(join(folder, name), full, { dereference: true })
    await chmod(full, 0o644)
  }
  for (const { path, to } of links) {
    await clear(join(root, path))
    await symlink(to, join(root, path))
  }
}
