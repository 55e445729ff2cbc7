// Snapshots over plain HTTP: taken of a running sandbox, kept without it, made into others, and nobody else's.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countOf, expectTicking, startCounter, statusOf } from './counter.ts'
import type { Count } from './counter.ts'
import { ask, boxOf, call, createBox } from './raw.ts'
import type { Answer, Box } from './raw.ts'

let box: Box & AsyncDisposable
let before: Count
const anyone = '00000000-0000-4000-8000-000000000000'
const refused = ({ status, body }: Answer) => [status, typeof body.error]

beforeAll(async () => {
  box = await createBox()
  before = await startCounter(box)
})
afterAll(() => box?.[Symbol.asyncDispose]())

/** A snapshot that is deleted when the test is over. */
const snapshot = async (stack: AsyncDisposableStack, wish?: object, of: Box = box) => {
  const made = await call('POST', `${of.path}/snapshots`, wish)
  expect(made.status, made.text).toBe(201)
  stack.defer(async () => void (await call('DELETE', `/v1/snapshots/${made.body.id}`)))
  return made.body
}

const madeFrom = async (stack: AsyncDisposableStack, id: string, wish: object = {}) => {
  const made = await call('POST', '/v1/sandboxes', { from_snapshot: id, ttl_seconds: 300, ...wish })
  expect(made.status, made.text).toBe(201)
  return { body: made.body, box: stack.use(boxOf(made.body.id)) }
}

const listed = async (query = ''): Promise<string[]> =>
  (await call('GET', `/v1/snapshots${query}`)).body.snapshots.map((one: { id: string }) => one.id)

describe('a snapshot', () => {
  test('tells what it is, is listed newest first, got, and gone when deleted', async () => {
    await using stack = new AsyncDisposableStack()
    const first = await snapshot(stack, { name: 'warm', metadata: { a: 'b' } })
    expect(first).toMatchObject({
      sandbox_id: box.id,
      kind: 'snapshot',
      name: 'warm',
      metadata: { a: 'b' },
      status: 'ready',
      template: 'agent',
      failure: null,
      mem_path: expect.any(String),
      state_path: expect.any(String),
    })
    expect(first.digest).not.toBe('')
    expect(first.size_bytes).toBe(first.unique_bytes + first.shared_bytes)
    expect(first.unique_bytes).toBeGreaterThan(0)
    expect(await statusOf(box)).toBe('running')
    const headers = { 'content-type': 'text/plain;charset=UTF-8' }
    const bare = await ask('POST', `${box.path}/snapshots`, { headers })
    expect(bare).toMatchObject({ status: 201, body: { name: '', metadata: {}, parent_id: first.id } })
    const second = bare.body
    expect((await listed()).slice(0, 2)).toEqual([second.id, first.id])
    expect(await listed(`?sandbox_id=${box.id}`)).toEqual([second.id, first.id])
    expect(await listed(`?sandbox_id=${anyone}`)).toEqual([])
    expect(await listed('?sandbox_id=none')).toEqual([])
    expect((await call('GET', `/v1/snapshots/${first.id}`)).body).toEqual(first)
    expect((await call('DELETE', `/v1/snapshots/${second.id}`)).status).toBe(204)
    for (const method of ['GET', 'DELETE'])
      expect(refused(await call(method, `/v1/snapshots/${second.id}`))).toEqual([404, 'string'])
    expect(await listed(`?sandbox_id=${box.id}`)).toEqual([first.id])
    expect(refused(await call('POST', '/v1/sandboxes', { from_snapshot: second.id }))).toEqual([
      404,
      'string',
    ])
  })

  test('makes sandboxes with its memory and files, whatever template is named beside it', async () => {
    await using stack = new AsyncDisposableStack()
    await box.exec('echo kept > /root/kept')
    const { id } = await snapshot(stack)
    const atSnapshot = await countOf(box)
    await box.exec('echo later > /root/kept')
    const [one, two] = [await madeFrom(stack, id, { template: 'base' }), await madeFrom(stack, id)]
    const { cpu, memory_mb, disk_mb } = (await call('GET', box.path)).body
    for (const { body, box: made } of [one, two]) {
      expect(body).toMatchObject({ template: 'agent', cpu, memory_mb, disk_mb, from_snapshot: id })
      const count = await countOf(made)
      expect(count.secret).toBe(before.secret)
      expect(count.asked).toBeLessThanOrEqual(atSnapshot.asked)
      await expectTicking(made, count.ticks)
      expect((await made.exec('cat /root/kept')).stdout).toBe('kept\n')
    }
    await one.box.exec('echo one > /root/kept')
    expect((await two.box.exec('cat /root/kept')).stdout).toBe('kept\n')
    expect((await box.exec('cat /root/kept')).stdout).toBe('later\n')
    const names = await Promise.all(
      [box, one.box, two.box].map(
        async (each) => (await each.exec('hostname; cat /etc/machine-id /run/pandastack/generation')).stdout,
      ),
    )
    expect(new Set(names.flatMap((text) => text.trim().split('\n'))).size).toBe(9)
  })

  test('takes variables and metadata for what is made from it', async () => {
    await using stack = new AsyncDisposableStack()
    const { id } = await snapshot(stack, { name: 'n' })
    const wish = { template: 'no-such-template', env: { COLOUR: 'blue' }, metadata: { a: 'b' } }
    const { body, box: made } = await madeFrom(stack, id, wish)
    expect(body).toMatchObject({ template: 'agent', metadata: { a: 'b' } })
    expect((await made.exec('echo $COLOUR')).stdout).toBe('blue\n')
  })

  test('outlives its sandbox, and what was made from it outlives the snapshot', async () => {
    await using stack = new AsyncDisposableStack()
    const short = await createBox({ template: 'base' })
    let id = ''
    try {
      await short.exec('echo short > /root/life')
      id = (await snapshot(stack, {}, short)).id
    } finally {
      await short[Symbol.asyncDispose]()
    }
    expect((await call('GET', short.path)).status).toBe(404)
    const { box: made } = await madeFrom(stack, id)
    expect((await call('DELETE', `/v1/snapshots/${id}`)).status).toBe(204)
    expect((await made.exec('cat /root/life; echo more >> /root/life; wc -l < /root/life')).stdout).toBe(
      'short\n2\n',
    )
  })

  test('under one key is one snapshot', async () => {
    const headers = { 'idempotency-key': `acceptance-${crypto.randomUUID()}` }
    const make = (wish: object = { name: 'once' }) => call('POST', `${box.path}/snapshots`, wish, headers)
    const answers = await Promise.all([make(), make()])
    answers.push(await make())
    await using _ = {
      async [Symbol.asyncDispose]() {
        await call('DELETE', `/v1/snapshots/${answers[0]?.body.id}`)
      },
    }
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(refused(await make({ name: 'other' }))).toEqual([422, 'string'])
  })
})

describe('bad input', () => {
  test('unknown and odd ids are unknown everywhere', async () => {
    for (const id of [anyone, 'none', '..%2f..%2fetc', '%00', 'x'.repeat(5000)]) {
      for (const method of ['GET', 'DELETE'])
        expect((await call(method, `/v1/snapshots/${id}`)).status, id.slice(0, 40)).toBe(404)
      expect((await call('GET', `/v1/snapshots/${id}/diff`)).status).toBe(404)
      expect((await call('POST', `/v1/sandboxes/${id}/snapshots`)).status).toBe(404)
    }
    for (const from_snapshot of [anyone, '../x', 'none', box.id])
      expect(refused(await call('POST', '/v1/sandboxes', { from_snapshot })), from_snapshot).toEqual([
        404,
        'string',
      ])
  })
  test('wrong types are refused', async () => {
    for (const bad of [{ name: 7 }, { name: '' }, { name: 'x'.repeat(129) }, { metadata: 'x' }, [], '{'])
      expect(refused(await call('POST', `${box.path}/snapshots`, bad)), JSON.stringify(bad)).toEqual([
        400,
        'string',
      ])
    for (const bad of [{ from_snapshot: 7 }, { from_snapshot: 'x'.repeat(200) }])
      expect(refused(await call('POST', '/v1/sandboxes', bad))).toEqual([400, 'string'])
  })
})

/** Set by whoever runs the tests: a key of another project of the same installation. */
const strangerKey = process.env['PANDASTACK_OTHER_KEY'] ?? ''
const missing = strangerKey === '' ? ' [PANDASTACK_OTHER_KEY is not set]' : ''

describe.skipIf(missing !== '')(`a key of another project${missing}`, () => {
  const asStranger = (method: string, path: string, body?: unknown) =>
    ask(method, path, {
      bare: true,
      headers: { authorization: `Bearer ${strangerKey}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  test('knows neither the snapshot nor the sandbox', async () => {
    await using stack = new AsyncDisposableStack()
    const { id } = await snapshot(stack)
    expect((await asStranger('GET', '/v1/snapshots')).body.snapshots).toEqual([])
    const own = `/v1/snapshots/${id}`
    const attempts: [string, string, object?][] = [
      ['GET', own],
      ['DELETE', own],
      ['GET', `${own}/diff`],
      ['POST', '/v1/sandboxes', { from_snapshot: id }],
      ['POST', `${box.path}/snapshots`],
      ['POST', `${box.path}/checkpoints`],
      ['GET', `${box.path}/checkpoints`],
      ['POST', `${box.path}/rewind`, { snapshot_id: id }],
      ['POST', `${box.path}/fork`],
      ['POST', `${box.path}/fork-tree`],
      ['POST', `${box.path}/promote`],
      ['POST', `${box.path}/hibernate`],
      ['POST', `${box.path}/wake`],
      ['POST', `${box.path}/attempts`, { commands: ['true'] }],
      ['GET', `${box.path}/diff`],
    ]
    for (const [method, path, body] of attempts)
      expect([method, path, ...refused(await asStranger(method, path, body))]).toEqual([
        method,
        path,
        404,
        'string',
      ])
    expect((await call('GET', own)).body).toMatchObject({ id, status: 'ready' })
    expect(await statusOf(box)).toBe('running')
  })
  test('cannot compare what is its own with what is not', async () => {
    const made = await asStranger('POST', '/v1/sandboxes', { template: 'agent', ttl_seconds: 60 })
    expect(made.status).toBe(201)
    try {
      const path = `/v1/sandboxes/${made.body.id}/diff?from=${box.id}`
      expect(refused(await asStranger('GET', path))).toEqual([404, 'string'])
    } finally {
      await asStranger('DELETE', `/v1/sandboxes/${made.body.id}`)
    }
  })
})
