// A file system with reflinks inside a sparse file: XFS through a loop device. The kernel frees the device with the last
// mount. An existing file is only ever mounted, never formatted; formatting happens under another name.
// Fails with LoopUnavailable when this machine cannot do it, with CommandFailed when an existing volume does not mount.

import { access, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandFailed, SpawnFailed } from '@pandastack/kit/process/errors.ts'
import { run, runChecked } from '@pandastack/kit/process/run.ts'
import { flush } from '@pandastack/kit/publish/publish.ts'
import { loopDevices, mountAt } from './mounts.ts'

/** Loop devices or XFS are missing here: no fault of the data. */
export class LoopUnavailable extends Error {
  override readonly name = 'LoopUnavailable'
}

const deadlineMs = 120_000
const freedWithinMs = 5_000
const pollMs = 20

/** Smallest volume that mkfs.xfs agrees to. */
export const leastSizeBytes = 300 * 1024 * 1024

export const volumeFile = (dir: string): string => `${dir}.xfs`

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

const unavailable = (error: unknown): never => {
  if (!(error instanceof CommandFailed || error instanceof SpawnFailed)) throw error
  throw new LoopUnavailable(error.message, { cause: error })
}

/** Makes the sparse file; its name is only taken by a file that is whole. */
export const createVolume = async (file: string, sizeBytes: number): Promise<void> => {
  const making = `${file}.making`
  await rm(making, { force: true })
  const handle = await open(making, 'wx', 0o600)
  try {
    await handle.truncate(sizeBytes)
  } finally {
    await handle.close()
  }
  try {
    await runChecked('mkfs.xfs', ['-q', '-m', 'reflink=1', making], { deadlineMs }).catch(unavailable)
    await flush(making)
    await rename(making, file)
    await flush(dirname(file))
  } finally {
    await rm(making, { force: true })
  }
}

/** Mounts the volume. `discard` gives blocks of deleted files back to the disk; nothing on it may gain privileges. */
export const mountVolume = async (file: string, dir: string): Promise<void> => {
  await runChecked('mount', ['-t', 'xfs', '-o', 'loop,discard,noatime,nosuid', file, dir], { deadlineMs })
  const source = (await mountAt(dir))?.source
  // Without this each page of the volume would be cached twice. Not every disk can, and it works without.
  if (source) await run('losetup', ['--direct-io=on', source], { deadlineMs })
}

/** True if this machine has loop devices and knows XFS. */
export const loopProblem = async (): Promise<string | null> => {
  if (!(await exists('/dev/loop-control'))) return 'this machine has no loop devices'
  const found = await run('mkfs.xfs', ['-V'], { deadlineMs }).catch(() => null)
  return found?.exitCode === 0 ? null : 'mkfs.xfs is not installed'
}

/** Unmounts and makes sure that no loop device keeps the file, not even one that somebody else is looking at. */
export const unmountVolume = async (file: string, dir: string): Promise<void> => {
  await runChecked('umount', [dir], { deadlineMs })
  for (let waitedMs = 0; waitedMs < freedWithinMs; waitedMs += pollMs) {
    const keeping = (await loopDevices()).filter(({ backingFile }) => backingFile === file)
    if (keeping.length === 0) return
    for (const { device } of keeping) await run('losetup', ['--detach', device], { deadlineMs })
    await sleep(pollMs)
  }
}
