import { mkdtemp, open, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rotate } from './rotate.ts'

test('a writer that holds the file open goes on in the emptied one, and two old ones are kept', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'rotate-'))
  const file = join(dir, 'a.log')
  const writer = await open(file, 'a')
  try {
    for (const text of ['one', 'two', 'three', 'four']) {
      await writer.write(text)
      expect(await rotate(file, 2)).toBe(true)
    }
    await writer.write('5')
    expect(await rotate(file, 2)).toBe(false)
    expect((await readdir(dir)).toSorted()).toEqual(['a.log', 'a.log.1', 'a.log.2'])
    const contents = await Promise.all(['', '.1', '.2'].map((end) => readFile(file + end, 'utf8')))
    expect(contents).toEqual(['5', 'four', 'three'])
  } finally {
    await writer.close()
    await rm(dir, { recursive: true })
  }
})

test('a file that is not there needs nothing', async () => {
  expect(await rotate(join(tmpdir(), 'no-such-log-file'))).toBe(false)
})
