// Which files have changed, on the real engine: what the overlay makes of removing, replacing and hiding, and what a
// guest could do to whoever looks.

import { createHash } from 'node:crypto'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readChanges } from '@pandastack/driver/changed-files.ts'
import { createLab, soon, type Lab } from '@pandastack/driver/conformance/lab.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import { testGvisor, whyNoGvisor } from '@pandastack/testing/gvisor.ts'
import { originals } from './fixtures/image.ts'
import type { GvisorSubject } from './fixtures/subject.ts'

const reason = await whyNoGvisor()
if (reason !== null) console.log(`SKIP changed files of gVisor: ${reason}`)

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex')
const { greeting, doomed, other, inner } = originals
const mib = 1_048_576

describe.skipIf(reason !== null)('the changed files of a sandbox', () => {
  let subject: GvisorSubject
  let lab: Lab
  let machine: MachineHandle

  beforeAll(async () => {
    subject = await testGvisor()
  })
  beforeEach(async () => {
    lab = await createLab(subject)
    machine = await lab.booted()
  })
  afterEach(() => lab[Symbol.asyncDispose]())
  afterAll(() => subject?.[Symbol.asyncDispose]())

  const change = (what: string, name: string, more = ''): Promise<string> =>
    subject.call(machine, 'POST', `/change?do=${what}&path=${name}${more}`)
  const look = async (entriesMax = 1000) => {
    const file = path.join(await subject.makeDir(), 'changes')
    await lab.driver.changes(machine, file, { entriesMax }, soon())
    return await readChanges(file)
  }
  const brief = async (): Promise<string[]> =>
    (await look()).files.map((entry) => `${entry.change} ${entry.kind} ${entry.path}`)

  test('are none when nothing was changed', async () => {
    await lab.talk(machine).count()
    expect(await brief()).toEqual([])
  })

  test('have the content of before and of now', async () => {
    await lab.talk(machine).write(greeting.path, 'good night\n')
    expect((await look()).files).toEqual([
      {
        path: greeting.path,
        change: 'changed',
        kind: 'file',
        sizeBytes: 11,
        mode: 0o644,
        sha256: sha256('good night\n'),
        baseSha256: sha256(greeting.text),
        text: 'good night\n',
        baseText: greeting.text,
      },
    ])
  })

  test('leave out what was changed back', async () => {
    await lab.talk(machine).write(greeting.path, 'good night\n')
    await lab.talk(machine).write(greeting.path, greeting.text)
    await change('remove', doomed.path)
    await lab.talk(machine).write(doomed.path, doomed.text)
    expect(await brief()).toEqual([])
  })

  test('tell of what was removed, of a directory as one', async () => {
    await change('remove', doomed.path)
    await change('remove', '/etc/kept/inner')
    await change('remove', '/etc/link')
    const { files } = await look()
    expect(files.map((entry) => `${entry.change} ${entry.kind} ${entry.path}`)).toEqual([
      `removed file ${doomed.path}`,
      'removed directory /etc/kept/inner',
      'removed link /etc/link',
    ])
    expect(files[0]).toMatchObject({ sha256: null, text: null, baseText: doomed.text })
    expect(files[0]?.baseSha256).toBe(sha256(doomed.text))
    expect(files[2]?.baseSha256).toBe(sha256('greeting'))
  })

  test('compare a directory that was made anew with the one it hides', async () => {
    await change('remove', '/etc/kept')
    await change('mkdir', '/etc/kept')
    await change('mkdir', '/etc/kept/inner')
    await lab.talk(machine).write(other.path, other.text)
    await lab.talk(machine).write('/etc/kept/newcomer', 'x')
    expect(await brief()).toEqual([
      `removed file ${doomed.path}`,
      `removed file ${inner.path}`,
      'added file /etc/kept/newcomer',
    ])
  })

  test('tell of what was moved as removed and added', async () => {
    await change('rename', greeting.path, '&to=/etc/moved')
    expect(await brief()).toEqual([`removed file ${greeting.path}`, 'added file /etc/moved'])
  })

  test('tell of things that became other things', async () => {
    await change('remove', greeting.path)
    await change('mkdir', greeting.path)
    await change('remove', '/etc/kept')
    await lab.talk(machine).write('/etc/kept', 'a file now')
    await change('remove', '/etc/link')
    await change('symlink', '/etc/link', '&to=elsewhere')
    const { files } = await look()
    expect(files.map((entry) => `${entry.change} ${entry.kind} ${entry.path}`)).toEqual([
      `changed directory ${greeting.path}`,
      'changed file /etc/kept',
      'changed link /etc/link',
    ])
    expect(files[0]).toMatchObject({ sha256: null, baseSha256: sha256(greeting.text) })
    expect(files[1]).toMatchObject({ text: 'a file now', baseSha256: null, baseText: null })
    expect(files[2]).toMatchObject({ sha256: sha256('elsewhere'), baseSha256: sha256('greeting') })
  })

  test('tell of permissions alone, and not of directories on the way', async () => {
    await change('chmod', greeting.path, `&n=${0o600}`)
    await change('chmod', '/etc/kept', `&n=${0o700}`)
    const { files } = await look()
    expect(files.map((entry) => `${entry.path} ${entry.mode.toString(8)}`)).toEqual([
      `${greeting.path} 600`,
      '/etc/kept 700',
    ])
    expect(files[0]?.sha256).toBe(files[0]?.baseSha256)
  })

  test('have the same content under each of its names, and of what has none only the kind', async () => {
    await lab.talk(machine).write('/root/one', 'shared')
    await change('link', '/root/two', '&to=/root/one')
    await change('fifo', '/root/pipe')
    const { files } = await look()
    expect(files.map(({ kind, sha256: sum }) => [kind, sum])).toEqual([
      ['file', sha256('shared')],
      ['other', null],
      ['file', sha256('shared')],
    ])
  })

  test('are summed as they are read inside, holes included', async () => {
    await change('truncate', '/root/holes', `&n=${3 * mib + 5}`)
    await subject.call(machine, 'POST', '/fill?path=/root/full&n=2')
    const { files } = await look()
    expect(files.map(({ sha256: sum }) => sum)).toEqual([
      sha256(Buffer.alloc(2 * mib, 1)),
      sha256(Buffer.alloc(3 * mib + 5)),
    ])
  })

  test('may be longer than the machine has memory, or than anything', async () => {
    const longer = 2 * subject.limits.memoryMb * mib
    await change('truncate', '/root/longer', `&n=${longer}`)
    await change('truncate', '/root/vast', `&n=${2 ** 62}`)
    const { files } = await look()
    expect(files).toMatchObject([
      { path: '/root/longer', sizeBytes: longer, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      { path: '/root/vast', sizeBytes: Number.MAX_SAFE_INTEGER, sha256: null },
    ])
    expect(await lab.talk(machine).count()).toBe(1)
  })

  test('may have names of any bytes, and lie deeper than a path can say', async () => {
    await change('truncate', '/root/%ff%0a%22', '&n=0')
    await change('deepen', '/root/d', '&n=60')
    const { files, end } = await look()
    expect(files.map(({ path: name }) => name)).toContain('/root/\ufffd\n"')
    expect(Math.max(...files.map(({ path: name }) => name.length))).toBeLessThanOrEqual(4096)
    expect(end?.truncated).toBe(true)
    expect(await lab.talk(machine).count()).toBe(1)
  })

  test('come in the order of their paths, as many as were asked for', async () => {
    await change('mkdir', '/root/many')
    await change('fill', '/root/many', '&n=3000')
    const { files, end } = await look(500)
    expect(files).toHaveLength(500)
    expect(files[1]?.path).toBe('/root/many/000000')
    expect(files.at(-1)?.path).toBe('/root/many/000498')
    expect(end?.truncated).toBe(true)
  })

  test('are not changed by being told of', async () => {
    await lab.talk(machine).write('/root/kept', 'as it was')
    const first = await look()
    expect(await look()).toEqual(first)
    expect(await lab.talk(machine).read('/root/kept')).toBe('as it was')
    const copy = await lab.restored(await lab.captured(machine))
    expect(await lab.talk(copy).read('/root/kept')).toBe('as it was')
  })
})
