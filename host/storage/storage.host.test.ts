// Needs root, loop devices and XFS; on a disk with reflinks the volume is not needed and its tests are skipped.

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, open, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector } from './collect.ts'
import { prepareDataDir, releaseDataDir } from './data-dir.ts'
import { freeSpace } from './free-space.ts'
import { createLeases } from './leases.ts'
import { leaks } from './leaks.ts'
import { createMachineDir, removeMachineDir, StillMounted } from './machine-dirs.ts'
import { loopProblem, volumeFile } from './loop-volume.ts'
import { loopDevices, mountAt } from './mounts.ts'
import { NoSpaceForCopy, snapshotDirs } from './snapshot-dirs.ts'

const mib = 1024 * 1024
const sizeBytes = 320 * mib
const machine = '0b7e8d2c-5a41-4f0e-9c57-2f6f8f1c3d4e'
const other = '7c1f0a55-93f2-4a6b-8b0e-5d1c2e3f4a5b'
let scratch = ''

const root = process.getuid?.() === 0
const problem = root ? await loopProblem() : 'not root'
if (problem !== null) console.log(`skipped: ${problem}`)

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'storage-'))
})

afterAll(async () => {
  const left = (await loopDevices()).filter(({ backingFile }) => backingFile.startsWith(scratch))
  await rm(scratch, { recursive: true, force: true })
  expect(left).toEqual([])
})

const devicesOver = async (file: string): Promise<string[]> =>
  (await loopDevices()).filter(({ backingFile }) => backingFile === file).map(({ device }) => device)

describe.skipIf(problem !== null)('the data directory', () => {
  test('gets reflinks, keeps its data over release and repeat, and leaves no loop device', async (context) => {
    const dir = join(scratch, 'data')
    const first = await prepareDataDir(dir, { sizeBytes })
    if (first.backing === 'native') return context.skip('this disk has reflinks of its own')
    try {
      expect(first).toMatchObject({ dir, reflink: true, fs: 'xfs', backing: 'loop' })
      await writeFile(join(dir, 'kept'), 'content')
      execFileSync('cp', ['--reflink=always', join(dir, 'kept'), join(dir, 'copy')])

      expect(await prepareDataDir(dir, { sizeBytes })).toEqual(first)
      expect(await devicesOver(volumeFile(dir))).toHaveLength(1)

      await releaseDataDir(dir)
      await releaseDataDir(dir)
      expect(await mountAt(dir)).toBeUndefined()
      expect(await devicesOver(volumeFile(dir))).toEqual([])

      await prepareDataDir(dir, { sizeBytes: sizeBytes * 2 })
      expect(await readFile(join(dir, 'copy'), 'utf8')).toBe('content')
    } finally {
      await releaseDataDir(dir)
    }
  })

  test('is released when its loop device is free, also when somebody is just looking at it', async (context) => {
    const dir = join(scratch, 'looked-at')
    const found = await prepareDataDir(dir, { sizeBytes })
    if (found.backing !== 'loop') return context.skip('this disk has reflinks of its own')
    const [device = ''] = await devicesOver(volumeFile(dir))
    const looking = await open(device)
    const looked = sleep(300).then(() => looking.close())
    await releaseDataDir(dir)
    expect(await devicesOver(volumeFile(dir))).toEqual([])
    await looked
  })

  test('stays plain and says why when files are there already', async (context) => {
    const dir = join(scratch, 'used')
    await mkdir(dir)
    await writeFile(join(dir, 'theirs'), 'content')
    const found = await prepareDataDir(dir, { sizeBytes })
    if (found.backing === 'native') return context.skip('this disk has reflinks of its own')
    expect(found).toMatchObject({
      reflink: false,
      backing: 'plain',
      reason: expect.stringContaining('already holds files'),
    })
    expect(await readdir(dir)).toEqual(['theirs'])
  })

  test('refuses to hide files under an existing volume', async (context) => {
    const dir = join(scratch, 'hiding')
    const found = await prepareDataDir(dir, { sizeBytes })
    if (found.backing === 'native') return context.skip('this disk has reflinks of its own')
    await releaseDataDir(dir)
    await writeFile(join(dir, 'stray'), 'content')
    await expect(prepareDataDir(dir, { sizeBytes })).rejects.toThrow('would hide')
    expect(await readFile(join(dir, 'stray'), 'utf8')).toBe('content')
  })

  test('an existing volume that cannot be mounted is an error and is not touched', async () => {
    const dir = join(scratch, 'broken')
    await mkdir(dir)
    await writeFile(volumeFile(dir), 'this is no file system')
    await expect(prepareDataDir(dir, { sizeBytes })).rejects.toThrow('mount')
    expect(await readFile(volumeFile(dir), 'utf8')).toBe('this is no file system')
  })
})

/** On the disk, so that what the file system sets aside for files that grow does not blur how much is free. */
const writeFlushed = async (path: string, content: Uint8Array): Promise<void> => {
  const file = await open(path, 'w')
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

describe.skipIf(problem !== null)('a copy of a snapshot', () => {
  test('takes no room where the disk has reflinks, and is a snapshot of its own', async (context) => {
    const data = await prepareDataDir(join(scratch, 'snapshots'), { sizeBytes })
    try {
      if (data.backing !== 'loop') return context.skip('others write to this disk as well')
      const dirs = snapshotDirs(data.dir)
      const content = randomBytes(64 * mib)
      await writeFlushed(join(await dirs.make(machine), 'pages'), content)
      const original = join(await dirs.publish(machine, { durable: true }), 'pages')
      const before = await freeSpace(data)
      await dirs.make(other)
      await dirs.clone(machine, other)
      const copy = join(await dirs.publish(other, { durable: true }), 'pages')
      expect(before.freeBytes - (await freeSpace(data)).freeBytes).toBeLessThan(mib)

      const file = await open(copy, 'r+')
      await file.write('x').finally(() => file.close())
      expect((await readFile(original)).equals(content)).toBe(true)
      await dirs.remove(machine)
      expect((await readFile(copy)).subarray(1).equals(content.subarray(1))).toBe(true)
    } finally {
      await releaseDataDir(data.dir)
    }
  })

  test('that does not fit says so, and can be abandoned', async () => {
    const data = join(scratch, 'full')
    await mkdir(data)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', data])
    try {
      const dirs = snapshotDirs(data)
      await writeFile(join(await dirs.make(machine), 'pages'), Buffer.alloc(8 * mib, 'x'))
      await dirs.publish(machine, { durable: true })
      await dirs.make(other)
      await expect(dirs.clone(machine, other)).rejects.toThrow(NoSpaceForCopy)
      await dirs.abandon(other)
      expect(await readdir(join(data, 'snapshots'))).toEqual([machine])
    } finally {
      execFileSync('umount', [data])
    }
  })
})

describe.skipIf(!root)('machine directories', () => {
  test('go with all that is in them, and what links point to stays', async () => {
    const outside = join(scratch, 'outside')
    await writeFile(outside, 'content')
    const dir = await createMachineDir(scratch, machine)
    expect(await createMachineDir(scratch, machine)).toBe(dir)
    await symlink(outside, join(dir, 'link'))
    await symlink(scratch, join(dir, 'link-to-directory'))
    await removeMachineDir(scratch, machine)
    await removeMachineDir(scratch, machine)
    expect(await readdir(join(scratch, 'machines'))).toEqual([])
    expect(await readFile(outside, 'utf8')).toBe('content')
  })

  test('are reported as leaks, and kept while something is mounted in them', async () => {
    const dir = await createMachineDir(scratch, machine)
    const inner = join(dir, 'inner')
    await mkdir(inner)
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', inner])
    try {
      await expect(removeMachineDir(scratch, machine)).rejects.toThrow(StillMounted)
      expect(await leaks(scratch, new Set([machine]))).toEqual([])
      expect((await leaks(scratch, new Set())).map(({ name }) => name)).toEqual([dir, inner])
    } finally {
      execFileSync('umount', [inner])
    }
    await removeMachineDir(scratch, machine)
    expect(await leaks(scratch, new Set())).toEqual([])
  })
})

test('content goes when it was unused for the whole grace period, and not before', async () => {
  let now = 0
  const leases = createLeases()
  const collector = createCollector({ leases, graceMs: 100, nowMs: () => now })
  const dir = join(scratch, 'content')
  const paths = ['leased', 'referenced', 'unused'].map((name) => join(dir, name))
  for (const path of paths) await mkdir(path, { recursive: true })
  const lease = leases.take(join(dir, 'leased'))
  const sweep = () => collector.sweep(paths, (path) => path.endsWith('/referenced'))

  expect(await sweep()).toEqual([])
  now = 99
  expect(await sweep()).toEqual([])
  now = 100
  expect(await sweep()).toEqual([join(dir, 'unused')])
  lease.release()
  expect(await sweep()).toEqual([])
  now = 200
  expect(await sweep()).toEqual([join(dir, 'leased')])
  expect(await readdir(dir)).toEqual(['referenced'])
})
