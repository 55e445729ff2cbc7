import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { snapshotDirs, type SnapshotDirs } from './snapshot-dirs.ts'

const id = '0b7e8d2c-5a41-4f0e-9c57-2f6f8f1c3d4e'
const other = '7c1f0a55-93f2-4a6b-8b0e-5d1c2e3f4a5b'

const inScratch = async (use: (dirs: SnapshotDirs, root: string) => Promise<void>): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'snapshots-'))
  try {
    await use(snapshotDirs(dir), join(dir, 'snapshots'))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const modeOf = async (path: string): Promise<number> => (await lstat(path)).mode & 0o777

const published = async (dirs: SnapshotDirs, name: string, durable = true): Promise<string> => {
  await writeFile(join(await dirs.make(name), 'pages'), name)
  return await dirs.publish(name, { durable })
}

test.each([true, false])('a snapshot appears when it is published (durable: %j), and goes whole', (durable) =>
  inScratch(async (dirs, root) => {
    const making = await dirs.make(id)
    expect([await modeOf(root), await modeOf(making)]).toEqual([0o700, 0o700])
    await writeFile(join(making, 'pages'), 'content')
    expect(await dirs.list()).toEqual([])
    const dir = await dirs.publish(id, { durable })
    expect(dir).toBe(dirs.path(id))
    expect(await dirs.list()).toEqual([id])
    expect(await readFile(join(dir, 'pages'), 'utf8')).toBe('content')
    await dirs.remove(id)
    await dirs.remove(id)
    expect(await readdir(root)).toEqual([])
  }),
)

test('where nothing was ever made there is nothing, and nothing to take away', () =>
  inScratch(async (dirs) => {
    expect(await dirs.list()).toEqual([])
    await dirs.remove(id)
    await dirs.abandon(id)
    await dirs.sweep()
  }))

test('a work directory begins empty, whatever an earlier try has left', () =>
  inScratch(async (dirs, root) => {
    await writeFile(join(await dirs.make(id), 'half'), 'content')
    expect(await readdir(await dirs.make(id))).toEqual([])
    await dirs.abandon(id)
    await dirs.abandon(id)
    expect(await readdir(root)).toEqual([])
  }))

test('what is published is never replaced, and what was not made is not published', () =>
  inScratch(async (dirs) => {
    await published(dirs, id)
    await writeFile(join(await dirs.make(id), 'pages'), 'other')
    for (const durable of [true, false])
      await expect(dirs.publish(id, { durable })).rejects.toThrow(/ENOTEMPTY|EEXIST/)
    expect(await readFile(join(dirs.path(id), 'pages'), 'utf8')).toBe(id)
    await expect(dirs.publish(other, { durable: true })).rejects.toThrow('ENOENT')
  }))

test('a copy has all files of the original, and links as links', () =>
  inScratch(async (dirs, root) => {
    const making = await dirs.make(id)
    await mkdir(join(making, 'folder'))
    await writeFile(join(making, 'folder/state'), 'content')
    await symlink('/etc/hostname', join(making, 'link'))
    await dirs.publish(id, { durable: false })
    const copy = await dirs.make(other)
    await dirs.clone(id, other)
    expect((await readdir(copy)).toSorted()).toEqual(['folder', 'link'])
    expect(await readFile(join(copy, 'folder/state'), 'utf8')).toBe('content')
    expect(await readlink(join(copy, 'link'))).toBe('/etc/hostname')
    expect(await modeOf(copy)).toBe(0o700)
    await dirs.publish(other, { durable: true })
    expect((await readdir(root)).toSorted()).toEqual([id, other])
  }))

test('only what is there is copied, and only into a work directory', () =>
  inScratch(async (dirs) => {
    await dirs.make(other)
    await expect(dirs.clone(id, other)).rejects.toThrow('ENOENT')
    await published(dirs, id)
    await dirs.abandon(other)
    await expect(dirs.clone(id, other)).rejects.toThrow('ENOENT')
    expect(await dirs.list()).toEqual([id])
  }))

test('a sweep takes what was not finished, and nothing else', () =>
  inScratch(async (dirs, root) => {
    await published(dirs, id)
    await writeFile(join(await dirs.make(other), 'half'), 'content')
    await mkdir(join(root, '.removed-1/half'), { recursive: true })
    await writeFile(join(root, 'note'), 'of an operator')
    await dirs.sweep()
    expect((await readdir(root)).toSorted()).toEqual([id, 'note'])
    expect(await dirs.list()).toEqual([id])
  }))
