import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createFakeSums } from '@pandastack/driver-fake/places.ts'
import { endProcess } from '@pandastack/kit/process/end.ts'
import { runningProcesses, type ProcessIdentity } from '@pandastack/kit/process/identity.ts'
import { run, runChecked } from '@pandastack/kit/process/run.ts'
import { prepareDataDir, releaseDataDir } from '@pandastack/storage/data-dir.ts'
import { hostStorage } from '../adapters/storage.ts'
import type { Log } from '../ports.ts'
import { isMismatch, isMissing, SumsMismatch, type Sums } from '../sums-port.ts'
import { startSums } from './sums.ts'

const go = await run('go', ['version'], {
  deadlineMs: 20_000,
  env: { PATH: process.env['PATH'] ?? '' },
}).catch(() => null)
if (go?.exitCode !== 0) console.log('skipped: host/agent/native needs go to build the commands')

const mib = 1_048_576
const quiet: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const scratch = mkdtempSync(join(tmpdir(), 'sums-'))
const binary = join(scratch, 'bin/sums')
const never = new AbortController().signal

const companions = (): ProcessIdentity[] =>
  runningProcesses().filter((stat) => stat.parentPid === process.pid && stat.name === 'sums')
const companion = (): ProcessIdentity => {
  expect(companions()).toHaveLength(1)
  return companions()[0] as ProcessIdentity
}
const endCompanion = (victim = companion()): Promise<unknown> => endProcess(victim, { graceMs: 0 })

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

describe.skipIf(go?.exitCode !== 0)('sums of a directory', () => {
  let dir = ''
  let endless = ''

  beforeAll(async () => {
    const env = { ...process.env, CGO_ENABLED: '0' } as Record<string, string>
    const cwd = join(import.meta.dirname, '../../native')
    await runChecked('go', ['build', '-o', binary, './cmd/sums'], { cwd, env, deadlineMs: 300_000 })
    endless = join(scratch, 'endless')
    mkdirSync(endless)
    writeFileSync(join(endless, 'hole'), '')
    truncateSync(join(endless, 'hole'), mib * mib)
  })
  beforeEach(() => {
    dir = mkdtempSync(join(scratch, 'dir-'))
    writeFileSync(join(dir, 'pages'), randomBytes(2 * mib + 5))
    writeFileSync(join(dir, 'state'), 'abc')
  })
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  test('tell what it was from what it is not, and from what is not there', async () => {
    await using sums = await startSums({ binary, log: quiet })
    const { sha256, uniqueBytes, sharedBytes } = await sums.seal(dir, never)
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(uniqueBytes + sharedBytes).toBeGreaterThanOrEqual(2 * mib + 8)
    await sums.verify(dir, sha256, never)

    const none = await failureOf(sums.verify(join(dir, 'none'), sha256, never))
    expect([isMissing(none), isMismatch(none)]).toEqual([true, false])
    const other = await failureOf(sums.verify(dir, '0'.repeat(64), never))
    expect([isMissing(other), isMismatch(other)]).toEqual([false, true])
    writeFileSync(join(dir, 'pages'), Buffer.alloc(1), { flag: 'r+' })
    const changed = await failureOf(sums.verify(dir, sha256, never))
    expect(changed).toBeInstanceOf(SumsMismatch)
    expect(changed).toMatchObject({ file: 'pages', chunk: 0 })

    mkdirSync(join(dir, 'folder'))
    await expect(sums.seal(dir, never)).rejects.toThrow('sums: "folder" is no regular file')
  })

  test('are the same by the fake, which takes and refuses what the real one does', async () => {
    await using real = await startSums({ binary, log: quiet })
    const fake = createFakeSums()
    const { sha256 } = await real.seal(dir, never)
    const text = readFileSync(join(dir, 'sums.json'), 'utf8')
    expect((await fake.seal(dir, never)).sha256).toBe(sha256)
    expect(readFileSync(join(dir, 'sums.json'), 'utf8')).toBe(text)

    const both = async (): Promise<unknown[]> => {
      const failures = await Promise.all(
        [real, fake].map((sums: Sums) => failureOf(sums.verify(dir, sha256, never))),
      )
      return failures.map((error) => [isMismatch(error), isMissing(error), (error as SumsMismatch)?.file])
    }
    const change = async (name: string, content: string | null): Promise<unknown[]> => {
      const before = existsSync(join(dir, name)) ? readFileSync(join(dir, name)) : null
      if (content === null) rmSync(join(dir, name))
      else writeFileSync(join(dir, name), content)
      const failures = await both()
      if (before === null) rmSync(join(dir, name))
      else writeFileSync(join(dir, name), before)
      return failures
    }
    const fine = [false, false, undefined]
    const mismatch = (name: string): unknown[] => [true, false, name]
    expect(await both()).toEqual([fine, fine])
    expect(await change('state', 'abd')).toEqual([mismatch('state'), mismatch('state')])
    expect(await change('pages', null)).toEqual([mismatch('pages'), mismatch('pages')])
    expect(await change('more', '')).toEqual([mismatch('more'), mismatch('more')])
    expect(await change('sums.json', `${text} `)).toEqual([mismatch('sums.json'), mismatch('sums.json')])
    expect(await change('sums.json', null)).toEqual([mismatch('sums.json'), mismatch('sums.json')])
    expect(await both()).toEqual([fine, fine])
    rmSync(dir, { recursive: true })
    const missing = [false, true, undefined]
    expect(await both()).toEqual([missing, missing])
  })

  test('are made although their maker is killed once, and not when it is killed again', async () => {
    await using sums = await startSums({ binary, log: quiet })
    const first = companion()
    // Stopped, it cannot have answered before it is killed.
    process.kill(first.pid, 'SIGSTOP')
    const sealing = sums.seal(dir, never)
    await endCompanion(first)
    const { sha256 } = await sealing
    await sums.verify(dir, sha256, never)

    const lost = failureOf(sums.verify(endless, sha256, never))
    const sealingForEver = failureOf(sums.seal(endless, never))
    expect(await lost).toSatisfy(isMismatch)
    const second = companion()
    await endCompanion(second)
    await expect.poll(() => companions().some(({ pid }) => pid !== second.pid)).toBe(true)
    await endCompanion()
    expect(await sealingForEver).toMatchObject({ message: 'sums ended twice during this request' })
    await sums.verify(dir, sha256, never)
  })

  test('are given up with the reason of whoever gives up, and nobody is in the directory then', async () => {
    await using sums = await startSums({ binary, log: quiet })
    const reason = new Error('enough')
    await expect(sums.seal(endless, AbortSignal.abort(reason))).rejects.toBe(reason)
    const giveUp = new AbortController()
    const sealing = failureOf(sums.seal(endless, giveUp.signal))
    const { sha256 } = await sums.seal(dir, never)
    giveUp.abort(reason)
    expect(await sealing).toBe(reason)
    const open = await run('find', [`/proc/${companion().pid}/fd`, '-lname', `${endless}/*`], {
      deadlineMs: 20_000,
    })
    expect(open.stdout).toBe('')
    expect(existsSync(join(endless, 'sums.json'))).toBe(false)
    await sums.verify(dir, sha256, never)
  })

  test('are not waited for any more once it is closed', async () => {
    const sums = await startSums({ binary, log: quiet })
    const sealing = failureOf(sums.seal(endless, never))
    await sums[Symbol.asyncDispose]()
    expect(await sealing).toMatchObject({ message: 'sums was closed' })
  })

  test('stay those of the snapshot in a copy of it, whose blocks are shared', async (context) => {
    const data = await prepareDataDir(join(scratch, 'data'), { sizeBytes: 512 * mib })
    try {
      if (!data.reflink) return context.skip(data.reason)
      await using sums = await startSums({ binary, log: quiet })
      const { snapshots, freeSpace } = hostStorage(data)
      const [id, copyId] = [randomUUID(), randomUUID()]
      const made = await snapshots.make(id)
      writeFileSync(join(made, 'pages'), randomBytes(8 * mib))
      const original = await sums.seal(made, never)
      expect(original).toMatchObject({ uniqueBytes: 8 * mib, sharedBytes: 0 })
      await snapshots.publish(id, { durable: true })

      const copy = await snapshots.make(copyId)
      await snapshots.clone(id, copyId)
      await sums.verify(copy, original.sha256, never)
      expect(await sums.seal(copy, never)).toEqual({
        sha256: original.sha256,
        uniqueBytes: 0,
        sharedBytes: 8 * mib,
      })
      // One block of the copy is written to: that one is its own, and the original does not notice.
      writeFileSync(join(copy, 'pages'), Buffer.alloc(1), { flag: 'r+' })
      expect(await failureOf(sums.verify(copy, original.sha256, never))).toMatchObject({
        file: 'pages',
        chunk: 0,
      })
      expect(await sums.seal(copy, never)).toMatchObject({ uniqueBytes: 4096, sharedBytes: 8 * mib - 4096 })
      await sums.verify(snapshots.path(id), original.sha256, never)
      const { freeBytes, low } = await freeSpace()
      expect([freeBytes > 0, freeBytes < 512 * mib, low]).toEqual([true, true, false])
    } finally {
      await releaseDataDir(data.dir)
    }
  })
})
