import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFakeStorage, createFakeSums } from './places.ts'

const never = new AbortController().signal
const sums = createFakeSums()
let dir = ''

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'fake-sums-'))
  await mkdir(path.join(dir, 'disk/home'), { recursive: true })
  await writeFile(path.join(dir, 'disk/home/note'), 'abc')
  await writeFile(path.join(dir, 'memory.json'), Buffer.alloc(1_048_577, '{'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const at = (name: string): string => path.join(dir, name)
const flip = async (name: string, index: number): Promise<void> => {
  const content = await readFile(at(name))
  content[index]! ^= 1
  await writeFile(at(name), content)
}

test.each<[string, string, () => Promise<unknown>]>([
  ['a flipped bit', 'memory.json', () => flip('memory.json', 1_048_576)],
  ['a flipped bit in a folder', 'disk/home/note', () => flip('disk/home/note', 0)],
  ['a flipped bit in the sums', 'sums.json', () => flip('sums.json', 0)],
  ['a file less', 'disk/home/note', () => rm(at('disk/home/note'))],
  ['a file more', 'more', () => writeFile(at('more'), '')],
  ['no sums', 'sums.json', () => rm(at('sums.json'))],
  ['another name', 'disk/note', () => rename(at('disk/home/note'), at('disk/note'))],
  ['a link', 'link', () => symlink('memory.json', at('link'))],
])('%s is a mismatch', async (_, file, damage) => {
  const { sha256, uniqueBytes, sharedBytes } = await sums.seal(dir, never)
  expect([uniqueBytes, sharedBytes]).toEqual([1_048_577 + 3, 0])
  await sums.verify(dir, sha256, never)
  await damage()
  await expect(sums.verify(dir, sha256, never)).rejects.toMatchObject({ name: 'SumsMismatch', file })
})

test('what is not there is missing', async () => {
  await expect(sums.seal(at('none'), never)).rejects.toMatchObject({ name: 'SumsMissing' })
  await expect(sums.verify(at('none'), '', never)).rejects.toMatchObject({ name: 'SumsMissing' })
})

test('snapshots of the fake storage are made aside, copied and swept as real ones are', async () => {
  const { snapshots } = await createFakeStorage(dir)
  await writeFile(path.join(await snapshots.make('a'), 'state'), 'content')
  expect(await snapshots.list()).toEqual([])
  expect(await snapshots.publish('a')).toBe(snapshots.path('a'))
  await writeFile(path.join(await snapshots.make('b'), 'half'), '')
  expect(await readdir(await snapshots.make('b'))).toEqual([])
  await snapshots.clone('a', 'b')
  await snapshots.publish('b')
  await snapshots.make('c')
  await snapshots.make('d')
  await snapshots.abandon('d')
  await snapshots.sweep()
  await snapshots.remove('a')
  expect(await readdir(at('snapshots'))).toEqual(['b'])
  expect(await readFile(path.join(snapshots.path('b'), 'state'), 'utf8')).toBe('content')
})
