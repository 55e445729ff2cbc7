import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { takeLock } from './only-one.ts'

test('a lock is had once per directory and purpose, and can be had again after it was put down', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lock-'))
  try {
    const first = await takeLock(dir, 'a')
    expect(first).not.toBeNull()
    expect(await takeLock(dir, 'a')).toBeNull()
    const other = await takeLock(dir, 'b')
    expect(other).not.toBeNull()
    await first?.[Symbol.asyncDispose]()
    const again = await takeLock(dir, 'a')
    expect(again).not.toBeNull()
    await Promise.all([again, other].map((lock) => lock?.[Symbol.asyncDispose]()))
  } finally {
    await rm(dir, { recursive: true })
  }
})
