import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publishDir, publishFile } from './publish.ts'

const inScratch = async (use: (dir: string) => Promise<void>): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'publish-'))
  try {
    await use(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

test('a directory appears under its final name with all that is in it', () =>
  inScratch(async (dir) => {
    await mkdir(join(dir, 'a.tmp/deep'), { recursive: true })
    await writeFile(join(dir, 'a.tmp/deep/file'), 'content')
    await symlink('nowhere', join(dir, 'a.tmp/dangling'))
    await publishDir(join(dir, 'a.tmp'), join(dir, 'a'))
    expect(await readdir(dir)).toEqual(['a'])
    expect(await readFile(join(dir, 'a/deep/file'), 'utf8')).toBe('content')
  }))

test('a directory that has content is never replaced', () =>
  inScratch(async (dir) => {
    for (const name of ['a', 'a.tmp']) {
      await mkdir(join(dir, name))
      await writeFile(join(dir, name, 'file'), name)
    }
    await expect(publishDir(join(dir, 'a.tmp'), join(dir, 'a'))).rejects.toThrow(/ENOTEMPTY|EEXIST/)
    expect(await readFile(join(dir, 'a/file'), 'utf8')).toBe('a')
  }))

test('a file is replaced whole, with its mode, and leaves nothing beside it', () =>
  inScratch(async (dir) => {
    const path = join(dir, 'state.json')
    await publishFile(path, 'old')
    await publishFile(path, 'new', 0o600)
    expect(await readFile(path, 'utf8')).toBe('new')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(dir)).toEqual(['state.json'])
  }))

test('a file that cannot be published leaves nothing beside it', () =>
  inScratch(async (dir) => {
    await mkdir(join(dir, 'taken/by-a-directory'), { recursive: true })
    await expect(publishFile(join(dir, 'taken'), 'text')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
    expect(await readdir(dir)).toEqual(['taken'])
  }))
