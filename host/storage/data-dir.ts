// The data directory of a host: on a file system with reflinks, made in a sparse file beside it where there is none.
// Belongs to the host agent; nothing here ever deletes or formats what is already there.
//
//   volume file beside it? ── yes ─► mount it (or it is mounted)          ─► loop
//        │ no
//   reflinks work here?    ── yes ──────────────────────────────────────► native
//        │ no
//   empty, loop and XFS?   ── yes ─► make the file, mount it              ─► loop
//        └ no ──────────────────────────────────────────────────────────► plain, with the reason

import { randomUUID } from 'node:crypto'
import { mkdir, readdir, realpath, rm, statfs, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { CommandFailed } from '@pandastack/kit/process/errors.ts'
import { run } from '@pandastack/kit/process/run.ts'
import {
  createVolume,
  exists,
  leastSizeBytes,
  loopProblem,
  LoopUnavailable,
  mountVolume,
  unmountVolume,
  volumeFile,
} from './loop-volume.ts'
import { loopDevices, mountAt, mounts } from './mounts.ts'

export type DataDir = { dir: string; fs: string } & (
  | { reflink: true; backing: 'native' }
  /** `volumeFile` grows with the data; its disk can fill up before the file system in it does. */
  | { reflink: true; backing: 'loop'; volumeFile: string }
  | { reflink: false; backing: 'plain'; reason: string }
)

export interface DataDirOptions {
  /** Largest size of the volume, if one has to be made; cut down to what the disk can hold. */
  sizeBytes: number
  onProgress?: (step: string) => void
}

/** Part of the disk that a volume never takes. */
const diskShare = 0.9

const hasReflinks = async (dir: string): Promise<boolean> => {
  const [from, to] = [join(dir, `.probe-${randomUUID()}`), join(dir, `.probe-${randomUUID()}`)]
  try {
    await writeFile(from, 'x'.repeat(4096))
    const { exitCode } = await run('cp', ['--reflink=always', from, to], { deadlineMs: 30_000 })
    return exitCode === 0
  } finally {
    await Promise.all([rm(from, { force: true }), rm(to, { force: true })])
  }
}

const fsOf = async (dir: string): Promise<string> => {
  const all = await mounts()
  const under = all.filter(({ path }) => dir === path || dir.startsWith(path === '/' ? '/' : `${path}/`))
  // Of mount points with the same length the later one is on top.
  return under.toSorted((a, b) => a.path.length - b.path.length).at(-1)?.fs ?? 'unknown'
}

const mountedFrom = async (dir: string): Promise<string | undefined> => {
  const source = (await mountAt(dir))?.source
  return (await loopDevices()).find(({ device }) => device === source)?.backingFile
}

const mountExisting = async (dir: string, file: string): Promise<DataDir> => {
  const from = await mountedFrom(dir)
  if (from !== file) {
    if ((await readdir(dir)).length > 0) {
      throw new Error(`${dir} holds files that mounting ${file} would hide; move them away first`)
    }
    await mountVolume(file, dir)
  }
  return { dir, reflink: true, fs: 'xfs', backing: 'loop', volumeFile: file }
}

const problemWithVolume = async (dir: string, sizeBytes: number): Promise<string | null> => {
  if ((await readdir(dir)).length > 0) return `${dir} already holds files`
  if (sizeBytes < leastSizeBytes) return `the disk has no room for a volume: ${sizeBytes} bytes`
  return loopProblem()
}

/** Makes the data directory ready, again after each reboot. Fails only if an existing volume cannot be mounted. */
export const prepareDataDir = async (path: string, options: DataDirOptions): Promise<DataDir> => {
  const say = options.onProgress ?? (() => undefined)
  await mkdir(resolve(path), { recursive: true, mode: 0o711 })
  const dir = await realpath(path)
  const file = volumeFile(dir)
  if (await exists(file)) {
    say('mounting the volume')
    return mountExisting(dir, file)
  }
  say('looking for reflinks')
  const fs = await fsOf(dir)
  if (await hasReflinks(dir)) return { dir, reflink: true, fs, backing: 'native' }

  const { bavail, bsize } = await statfs(dirname(dir))
  const sizeBytes = Math.floor(Math.min(options.sizeBytes, bavail * bsize * diskShare))
  const problem = await problemWithVolume(dir, sizeBytes)
  const plain = (reason: string): DataDir => ({
    dir,
    reflink: false,
    fs,
    backing: 'plain',
    reason: `${fs} has no reflinks, and ${reason}`,
  })
  if (problem !== null) return plain(problem)
  try {
    say('making a volume with reflinks')
    await createVolume(file, sizeBytes)
    say('mounting the volume')
    await mountVolume(file, dir)
  } catch (error) {
    if (!(error instanceof LoopUnavailable || error instanceof CommandFailed)) throw error
    // Made a moment ago and never mounted: there is nothing in it.
    await rm(file, { force: true })
    return plain(error.message)
  }
  return { dir, reflink: true, fs: 'xfs', backing: 'loop', volumeFile: file }
}

/** Unmounts the volume and frees its loop device; a directory without one is left as it is. Data stays. */
export const releaseDataDir = async (path: string): Promise<void> => {
  const dir = await realpath(path)
  const file = volumeFile(dir)
  if ((await mountedFrom(dir)) === file) await unmountVolume(file, dir)
}
