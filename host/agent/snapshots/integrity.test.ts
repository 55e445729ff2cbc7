import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createFakeSums } from '@pandastack/driver-fake/sums.ts'
import { SnapshotBroken } from './errors.ts'
import { Integrity } from './integrity.ts'

test('what changes while it is compared is not taken for good, neither now nor later', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'integrity-'))
  const { signal } = new AbortController()
  const sums = createFakeSums()
  const compared = Promise.withResolvers<void>()
  const again = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  let count = 0
  const integrity = new Integrity({
    ...sums,
    verify: async (...what) => {
      count += 1
      if (count > 1) again.resolve()
      await sums.verify(...what)
      compared.resolve()
      await goOn.promise
    },
  })
  try {
    await writeFile(path.join(dir, 'pages'), 'as sealed')
    const { sha256 } = await sums.seal(dir, signal)
    const first = integrity.check(dir, sha256, signal)
    await compared.promise
    await writeFile(path.join(dir, 'pages'), 'as it is')
    const meanwhile = integrity.check(dir, sha256, signal).catch((error: unknown) => error)
    await again.promise
    goOn.resolve()
    await first
    expect(await meanwhile).toBeInstanceOf(SnapshotBroken)
    await expect(integrity.check(dir, sha256, signal)).rejects.toThrow(SnapshotBroken)
  } finally {
    await rm(dir, { recursive: true })
  }
})
