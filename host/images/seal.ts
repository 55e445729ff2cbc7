// Makes one image file out of a package tree, the guest agent and the files that all images get. The tree itself is not
// touched: a copy of its directories with links to its files takes the others in. Cheap next to the tree: seconds.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { addFiles } from './additions.ts'

export const guestdPath = '/usr/lib/pandastack/guestd'

const deadlineMs = 10 * 60_000

/** SHA-256 of a file, in hex. */
export const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

/**
 * What gVisor reads: plain layout with regular files in whole blocks, no extended attributes, no compression. Times of
 * files are kept, or Python would compile its library anew at each start.
 */
const erofsOptions = ['--quiet', '-x-1', '-Enoinline_data', '--preserve-mtime']

/** Writes the image `file` from `tree`, building in `dir`. */
export const sealImage = async (
  dir: string,
  tree: string,
  guestd: string,
  file: string,
  signal: AbortSignal,
): Promise<void> => {
  const stage = join(dir, 'stage')
  await runChecked('cp', ['-al', tree, stage], { deadlineMs, signal })
  const inside = join(stage, guestdPath)
  await mkdir(join(inside, '..'), { recursive: true, mode: 0o755 })
  await cp(guestd, inside, { dereference: true })
  await chmod(inside, 0o755)
  await addFiles(stage)
  await runChecked('mkfs.erofs', [...erofsOptions, file, stage], { deadlineMs, signal })
  await rm(stage, { recursive: true, force: true })
}
