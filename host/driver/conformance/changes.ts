// What `changes` tells: the files of the root disk that are not as in the image, and nothing else.

import { createHash } from 'node:crypto'
import path from 'node:path'
import { expect, test, type TestContext } from 'vitest'
import { readChanges, textMaxBytes } from '../changed-files.ts'
import type { MachineHandle } from '../values.ts'
import { base, type Bench } from './bench.ts'
import { soon } from './lab.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const many = 1000

export const changesTests = (bench: Bench): void => {
  const changesOf = async (context: TestContext, machine: MachineHandle, entriesMax = many) => {
    const { driver, subject } = bench.lab
    if (!driver.capabilities.changedFiles) context.skip('this driver cannot tell which files have changed')
    const file = path.join(await subject.makeDir(), 'changes')
    await driver.changes(machine, file, { entriesMax }, soon())
    const { files, end } = await readChanges(file)
    return { files: new Map(files.map((entry) => [entry.path, entry])), end }
  }

  test('a file that was written is among the changed ones, with its sum and its text', async (context) => {
    const machine = await bench.lab.restored(bench.snapshot)
    await bench.lab.talk(machine).write('/root/new', 'grüße\n')
    const { files, end } = await changesOf(context, machine)
    expect(end).toEqual({ done: true, truncated: false, image: machine.image.digest })
    expect(files.get('/root/new')).toEqual({
      path: '/root/new',
      change: 'added',
      kind: 'file',
      sizeBytes: Buffer.byteLength('grüße\n'),
      mode: 0o644,
      sha256: sha256('grüße\n'),
      baseSha256: null,
      text: 'grüße\n',
      baseText: null,
    })
    expect(await bench.lab.talk(machine).count()).toBe(base.count + 1)
  })

  test('text is given only of what is text and small, sums of everything', async (context) => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    const files = {
      large: 'x'.repeat(textMaxBytes + 1),
      whole: 'x'.repeat(textMaxBytes),
      binary: 'a\0b',
      empty: '',
    }
    for (const [name, text] of Object.entries(files)) await lab.talk(machine).write(`/root/${name}`, text)
    const found = (await changesOf(context, machine)).files
    for (const [name, text] of Object.entries(files))
      expect(found.get(`/root/${name}`)?.sha256, name).toBe(sha256(text))
    expect(found.get('/root/whole')?.text).toBe(files.whole)
    expect(found.get('/root/empty')?.text).toBe('')
    for (const name of ['large', 'binary']) expect(found.get(`/root/${name}`)?.text, name).toBeNull()
  })

  test('what is not of the disk is left out', async (context) => {
    const machine = await bench.lab.restored(bench.snapshot)
    await bench.lab.talk(machine).write(path.join('/tmp', 'scratch'), 'gone tomorrow')
    const { files } = await changesOf(context, machine)
    for (const name of files.keys()) expect(name).not.toMatch(/^\/(dev|proc|run|sys|tmp)(\/|$)/)
  })

  test('a machine that was restored a moment ago has the changes of the captured one', async (context) => {
    const { files } = await changesOf(context, await bench.lab.restored(bench.snapshot))
    expect(files.get(base.path)).toMatchObject({ change: 'added', sha256: sha256(base.text) })
  })

  test('a paused machine is told from, and stays paused', async (context) => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    await lab.talk(machine).write('/root/late', 'before the pause')
    await lab.driver.pause(machine, soon())
    const { files } = await changesOf(context, machine)
    expect(files.get('/root/late')?.text).toBe('before the pause')
    expect(await lab.driver.recover(machine)).toBe('paused')
    await lab.driver.resume(machine, soon())
    expect(await lab.talk(machine).count()).toBe(base.count + 1)
  })

  test('a file that is written again has its new content, and one machine does not tell of another', async (context) => {
    const { lab, snapshot } = bench
    const [one, two] = [await lab.restored(snapshot), await lab.restored(snapshot)]
    await lab.talk(one).write(base.path, 'anew')
    await lab.talk(one).write('/root/only-here', 'x')
    expect((await changesOf(context, one)).files.get(base.path)?.text).toBe('anew')
    const { files } = await changesOf(context, two)
    expect(files.get(base.path)?.text).toBe(base.text)
    expect(files.has('/root/only-here')).toBe(false)
  })

  test('no more entries come than were asked for, and it is said that some are missing', async (context) => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    for (const name of ['a', 'b', 'c']) await lab.talk(machine).write(`/root/${name}`, name)
    const all = await changesOf(context, machine)
    const some = await changesOf(context, machine, 2)
    expect([...some.files]).toEqual([...all.files].slice(0, 2))
    expect(some.end?.truncated).toBe(true)
    expect((await changesOf(context, machine, all.files.size)).end?.truncated).toBe(false)
  })

  test('a dead machine has no changes, and it is said so', async (context) => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    await lab.driver.kill(machine)
    await expect(changesOf(context, machine)).rejects.toMatchObject({ kind: 'dead' })
  })

  test.each([0, 5, 20])('a look given up after %i ms leaves the machine as it was', async (ms) => {
    const { lab, snapshot } = bench
    const machine = await lab.restored(snapshot)
    const file = path.join(await lab.subject.makeDir(), 'changes')
    const signal = ms === 0 ? AbortSignal.abort(new Error('given up')) : AbortSignal.timeout(ms)
    const look = lab.driver.changes(machine, file, { entriesMax: many }, signal)
    if (ms === 0) await expect(look).rejects.toThrow()
    await look.catch(() => undefined)
    expect(await lab.driver.recover(machine)).toBe('running')
    expect(await lab.talk(machine).count()).toBe(base.count + 1)
  })
}
