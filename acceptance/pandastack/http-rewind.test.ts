// Checkpoints, going back to them, and what has changed since: over plain HTTP, because the published clients do not
// know of them.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { countOf, expectTicking, startCounter, statusOf } from './counter.ts'
import { boxOf, call, createBox } from './raw.ts'
import type { Answer, Box } from './raw.ts'

let box: Box & AsyncDisposable
beforeEach(async () => {
  box = await createBox({ template: 'base' })
  await box.exec('mkdir -p /root/job')
})
afterEach(() => box?.[Symbol.asyncDispose]())

const anyone = '00000000-0000-4000-8000-000000000000'
const refused = ({ status, body }: Answer) => [status, typeof body.error]

const checkpoint = async (name?: string) => {
  const made = await call('POST', `${box.path}/checkpoints`, name === undefined ? undefined : { name })
  expect(made.status, made.text).toBe(201)
  return made.body
}
const rewind = async (to?: object) => {
  const done = await call('POST', `${box.path}/rewind`, to)
  expect(done.status, done.text).toBe(200)
  return done.body
}
const output = async (cmd: string): Promise<string> => (await box.exec(cmd)).stdout.trim()
const write = (text: string) => box.exec(`echo '${text}' > /root/job/text`)
const checkpoints = async () => (await call('GET', `${box.path}/checkpoints`)).body.snapshots

describe('a rewind', () => {
  test('brings back files, memory and processes, under the same id', async () => {
    const { secret } = await startCounter(box)
    await write('before')
    const { asked, ticks } = await countOf(box)
    const { id } = await checkpoint()
    for (let i = 0; i < 5; i++) await countOf(box)
    await write('after')
    await box.exec('touch /root/job/new; rm -rf /root/counter.py; pkill -f [c]ounter.py')
    expect(await output('curl -s localhost:8000 || echo dead')).toBe('dead')
    const done = await rewind()
    expect(done).toMatchObject({
      snapshot_id: id,
      took_ms: expect.any(Number),
      sandbox: { id: box.id, status: 'running' },
    })
    expect(await output('cat /root/job/text; ls /root/job /root/counter.py')).toBe(
      'before\n/root/counter.py\n\n/root/job:\ntext',
    )
    const now = await countOf(box)
    expect(now).toMatchObject({ secret, asked: asked + 1 })
    expect(now.ticks).toBeGreaterThanOrEqual(ticks)
    await expectTicking(box, now.ticks)
    expect(Math.abs(Number(await output('date +%s')) - Date.now() / 1000)).toBeLessThan(5)
  })

  test('leads to a name, so many steps back, or an id; and forth again', async () => {
    const ids: string[] = []
    for (const text of ['one', 'two', 'three']) {
      await write(text)
      ids.push((await checkpoint(text)).id)
    }
    await write('four')
    for (const [to, text, id] of [
      [{ name: 'one' }, 'one', ids[0]],
      [{ snapshot_id: ids[1] }, 'two', ids[1]],
      [{ steps: 1 }, 'three', ids[2]],
      [{ steps: 3 }, 'one', ids[0]],
    ] as const) {
      expect((await rewind(to)).snapshot_id).toBe(id)
      expect(await output('cat /root/job/text')).toBe(text)
    }
    expect((await checkpoints()).map((one: { id: string }) => one.id)).toEqual(ids.toReversed())
  })

  test('also leads to a snapshot of the same sandbox', async () => {
    await write('kept')
    const { body } = await call('POST', `${box.path}/snapshots`)
    try {
      await write('lost')
      expect((await rewind({ snapshot_id: body.id })).snapshot_id).toBe(body.id)
      expect(await output('cat /root/job/text')).toBe('kept')
    } finally {
      await call('DELETE', `/v1/snapshots/${body.id}`)
    }
  })

  test('has somewhere to go', async () => {
    expect(refused(await call('POST', `${box.path}/rewind`))).toEqual([404, 'string'])
    await checkpoint('here')
    for (const to of [{ name: 'there' }, { steps: 2 }, { snapshot_id: anyone }])
      expect(refused(await call('POST', `${box.path}/rewind`, to)), JSON.stringify(to)).toEqual([
        404,
        'string',
      ])
    await using other = await createBox({ template: 'base' })
    const foreign = (await call('POST', `${other.path}/checkpoints`)).body.id
    const mixed = await call('POST', `${box.path}/rewind`, { snapshot_id: foreign })
    expect(refused(mixed)).toEqual([409, 'string'])
    for (const bad of [{ steps: 0 }, { steps: 'x' }, { name: 'here', steps: 1 }, { snapshot_id: 'x' }, []])
      expect(refused(await call('POST', `${box.path}/rewind`, bad)), JSON.stringify(bad)).toEqual([
        400,
        'string',
      ])
    expect((await call('POST', `/v1/sandboxes/${anyone}/rewind`)).status).toBe(404)
    expect(await statusOf(box)).toBe('running')
  })
})

describe('checkpoints', () => {
  test('are no snapshots, and go with their sandbox', async () => {
    const made = await checkpoint('mine')
    expect(made).toMatchObject({ kind: 'checkpoint', name: 'mine', sandbox_id: box.id, status: 'ready' })
    expect(await checkpoints()).toEqual([made])
    const all = (await call('GET', `/v1/snapshots?sandbox_id=${box.id}`)).body.snapshots
    expect(all).toEqual([])
    expect((await call('GET', `/v1/snapshots/${made.id}`)).body).toEqual(made)
    expect((await call('GET', `/v1/sandboxes/${anyone}/checkpoints`)).status).toBe(404)
    expect((await call('POST', `/v1/sandboxes/${anyone}/checkpoints`)).status).toBe(404)
    const { id } = await checkpoint()
    expect((await call('DELETE', `/v1/snapshots/${id}`)).status).toBe(204)
    expect(await checkpoints()).toEqual([made])
    await call('DELETE', box.path)
    await expect
      .poll(async () => (await call('GET', `/v1/snapshots/${made.id}`)).status, { timeout: 30_000 })
      .toBe(404)
  })

  test('are made once under one key', async () => {
    const headers = { 'idempotency-key': `acceptance-${crypto.randomUUID()}` }
    const make = (wish: object = {}) => call('POST', `${box.path}/checkpoints`, wish, headers)
    const answers = await Promise.all([make(), make()])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(await checkpoints()).toHaveLength(1)
    expect(refused(await make({ name: 'other' }))).toEqual([422, 'string'])
  })

  test('are taken before every command on demand, and no more are kept than asked for', async () => {
    const policy = { every_command: true, keep: 3 }
    const changed = await call('PATCH', `${box.path}/lifecycle`, { checkpoints: policy })
    expect(changed.body.checkpoints).toEqual(policy)
    for (const text of ['one', 'two', 'three', 'four']) await write(text)
    await box.exec('rm -rf /root/job')
    const kept = await checkpoints()
    expect(kept).toHaveLength(3)
    for (const one of kept) expect(one.kind).toBe('automatic')
    expect(kept[0].name).toContain('rm -rf /root/job')
    await call('PATCH', `${box.path}/lifecycle`, { checkpoints: null })
    await rewind()
    expect(await output('cat /root/job/text')).toBe('four')
    for (const bad of [{ keep: 0 }, { keep: 101 }, { every_seconds: 1 }, { every_command: 'yes' }, 'x'])
      expect((await call('PATCH', `${box.path}/lifecycle`, { checkpoints: bad })).status).toBe(400)
  })
})

interface FileDiff {
  path: string
  change: string
  kind: string
  size_bytes: number
  text_diff: string | null
}

const diffOf = async (path: string, from?: string) => {
  const reply = await call('GET', `${path}/diff${from === undefined ? '' : `?from=${from}`}`)
  expect(reply.status, reply.text).toBe(200)
  return reply.body as { from: string; to: string; files: FileDiff[]; truncated: boolean }
}
const within = (files: FileDiff[], dir: string) =>
  Object.fromEntries(files.filter(({ path }) => path.startsWith(dir)).map((file) => [file.path, file]))

describe('a diff', () => {
  test('tells what was added, changed and removed since a checkpoint, and how text differs', async () => {
    await box.exec(
      "cd /root/job; printf 'a\\nold\\nc\\n' > text; echo gone > removed; echo same > same; printf '\\0\\1' > binary",
    )
    const { id } = await checkpoint()
    await box.exec(
      "cd /root/job; printf 'a\\nnew\\nc\\n' > text; rm removed; echo hi > added; printf '\\0\\2' > binary; mkdir dir; touch same",
    )
    const diff = await diffOf(box.path, id)
    expect(diff).toMatchObject({ from: id, to: box.id, truncated: false })
    const files = within(diff.files, '/root/job/')
    expect(Object.keys(files).toSorted()).toEqual(
      ['added', 'binary', 'dir', 'removed', 'text'].map((name) => `/root/job/${name}`),
    )
    expect(files['/root/job/text']).toMatchObject({ change: 'changed', kind: 'file', size_bytes: 8 })
    expect(files['/root/job/text']?.text_diff).toMatch(/^-old$/m)
    expect(files['/root/job/text']?.text_diff).toMatch(/^\+new$/m)
    expect(files['/root/job/removed']?.change).toBe('removed')
    expect(files['/root/job/added']).toMatchObject({ change: 'added', size_bytes: 3 })
    expect(files['/root/job/binary']).toMatchObject({ change: 'changed', text_diff: null })
    expect(files['/root/job/dir']).toMatchObject({ change: 'added', kind: 'directory' })
  })

  test('is of two forks, of a snapshot, or of all since the template', async () => {
    const made = await call('POST', `${box.path}/fork-tree`, { count: 2 })
    const [a, b] = made.body.children.map(({ id }: { id: string }) => boxOf(id)) as [Box, Box]
    await using stack = new AsyncDisposableStack()
    for (const child of [a, b]) stack.use(boxOf(child.id))
    await a.exec('echo a > /root/job/who')
    await b.exec('echo b > /root/job/who; echo b > /root/job/only')
    const files = within((await diffOf(b.path, a.id)).files, '/root/job/')
    expect(files['/root/job/who']?.text_diff).toMatch(/^-a$/m)
    expect(files['/root/job/only']?.change).toBe('added')
    const all = within((await diffOf(a.path)).files, '/root/job')
    expect(all['/root/job/who']).toMatchObject({ change: 'added', kind: 'file' })
    const { body } = await call('POST', `${b.path}/snapshots`)
    stack.defer(async () => void (await call('DELETE', `/v1/snapshots/${body.id}`)))
    const kept = within((await diffOf(`/v1/snapshots/${body.id}`, a.id)).files, '/root/job/')
    expect(kept['/root/job/only']?.change).toBe('added')
    expect(within((await diffOf(b.path, body.id)).files, '/root/job/')).toEqual({})
  })

  test('needs two sides of one template that the caller may see', async () => {
    for (const from of [anyone, 'none', '..%2fx'])
      expect(refused(await call('GET', `${box.path}/diff?from=${from}`)), from).toEqual([404, 'string'])
    expect(refused(await call('GET', `${box.path}/diff?from=`))).toEqual([400, 'string'])
    expect((await call('GET', `/v1/sandboxes/${anyone}/diff`)).status).toBe(404)
    expect((await call('GET', `/v1/snapshots/${box.id}/diff`)).status).toBe(404)
    await using other = await createBox({ template: 'agent' })
    const across = await call('GET', `${box.path}/diff?from=${other.id}`)
    expect([400, 409]).toContain(across.status)
    expect(typeof across.body.error).toBe('string')
  })
})
