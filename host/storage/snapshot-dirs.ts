// One directory per snapshot: `snapshots/<id>`, root's alone, never changed once it has this name. It is filled as
// `.making-<id>` and renamed; what it holds is flushed before by whoever seals it. Ids come over the wire, so they are
// checked before they become part of a path. Nobody else writes below `snapshots`.
//
//   make, clone ─► .making-<id> ─ publish ─► <id> ─ remove ─► .removed-… ─► gone
//                       └ abandon, or a crash and sweep ──────────┘

import { lstat, mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { isUuid } from '@pandastack/contracts/ids.ts'
import { CommandFailed } from '@pandastack/kit/process/errors.ts'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { flush, publishFlushed } from '@pandastack/kit/publish/publish.ts'
import { isRemoved, removeWhole } from './collect.ts'

export interface SnapshotDirs {
  /** An empty work directory for this id; what an earlier try left is gone. */
  make(id: string): Promise<string>
  /** The work directory becomes the snapshot's, if there is none yet. Durable: its name survives a power cut as well. */
  publish(id: string, options: { durable: boolean }): Promise<string>
  /** The work directory goes; one that is not there is fine. */
  abandon(id: string): Promise<void>
  path(id: string): string
  list(): Promise<string[]>
  /** One that is not there is fine. */
  remove(id: string): Promise<void>
  /** Fills the work directory of `to` with the files of a snapshot, sharing blocks where the disk can. Flushes nothing. */
  clone(from: string, to: string): Promise<void>
  /** Takes away what was neither published nor removed to the end. Only while nothing is in the making. */
  sweep(): Promise<void>
}

/** Thrown for a snapshot id that is not one; the text may come from outside. */
export class BadSnapshotId extends Error {
  override readonly name = 'BadSnapshotId'
}

/** The disk is full. */
export class NoSpaceForCopy extends Error {
  override readonly name = 'NoSpaceForCopy'
  readonly code = 'ENOSPC'
}

const makingPrefix = '.making-'
/** A disk without reflinks copies every byte. */
const copyDeadlineMs = 1_800_000

const checked = (id: string): string => {
  if (!isUuid(id)) throw new BadSnapshotId('a snapshot id is a UUID in lower case')
  return id
}

const copyFiles = async (from: string, to: string): Promise<void> => {
  // Links stay links, so that nothing from outside is taken along.
  const how = ['--recursive', '--no-dereference', '--reflink=auto', '--no-target-directory']
  try {
    await runChecked('cp', [...how, from, to], { deadlineMs: copyDeadlineMs })
  } catch (error) {
    const words = error instanceof CommandFailed ? error.result.stderr : ''
    if (!/No space left on device|Disk quota exceeded/.test(words)) throw error
    throw new NoSpaceForCopy('no space for the copy of a snapshot', { cause: error })
  }
}

export const snapshotDirs = (dataDir: string): SnapshotDirs => {
  const root = join(dataDir, 'snapshots')
  const path = (id: string): string => join(root, checked(id))
  const making = (id: string): string => join(root, `${makingPrefix}${checked(id)}`)
  const names = async (): Promise<string[]> => {
    try {
      return await readdir(root)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }
  const makeRoot = async (): Promise<void> => {
    const made = await mkdir(root, { recursive: true, mode: 0o700 })
    // A name in a directory that is not on the disk itself would not survive a power cut.
    if (made !== undefined) await flush(dataDir)
  }

  return {
    path,
    async make(id) {
      const dir = making(id)
      await makeRoot()
      await removeWhole(dir)
      await mkdir(dir, { mode: 0o700 })
      return dir
    },
    async publish(id, { durable }) {
      const dir = path(id)
      if (durable) await publishFlushed(making(id), dir)
      else await rename(making(id), dir)
      return dir
    },
    abandon: async (id) => void (await removeWhole(making(id))),
    list: async () => (await names()).filter(isUuid),
    remove: async (id) => void (await removeWhole(path(id))),
    async clone(from, to) {
      const [source, target] = [path(from), making(to)]
      for (const dir of [source, target]) await lstat(dir)
      await copyFiles(source, target)
    },
    async sweep() {
      for (const name of await names())
        if (name.startsWith(makingPrefix) || isRemoved(name)) await removeWhole(join(root, name))
    },
  }
}
