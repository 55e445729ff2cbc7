// Forks over plain HTTP: what a child shares with its parent and what not, trees and their promotion, keys, bad input.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countOf, expectTicking, startCounter, statusOf } from './counter.ts'
import type { Count } from './counter.ts'
import { boxOf, call, createBox } from './raw.ts'
import type { Answer, Box } from './raw.ts'

let parent: Box & AsyncDisposable
let before: Count
const refused = ({ status, body }: Answer) => [status, typeof body.error]
const anyone = '00000000-0000-4000-8000-000000000000'

beforeAll(async () => {
  parent = await createBox({ template: 'base', metadata: { own: 'parent' } })
  before = await startCounter(parent)
  await parent.exec('echo disk > /root/before; echo memory > /tmp/before')
})
afterAll(() => parent?.[Symbol.asyncDispose]())

const output = async (box: Box, cmd: string): Promise<string> => {
  const { stdout, stderr, exit_code: code } = await box.exec(cmd)
  expect([cmd, code, stderr]).toEqual([cmd, 0, ''])
  return stdout.trim()
}

/** A test takes no more of them than it has asked for. */
type Boxes = [Box, Box, Box, ...Box[]]

/** The children of one request, deleted when the test is over. */
const children = (stack: AsyncDisposableStack, ids: string[]): Boxes =>
  ids.map((id) => stack.use(boxOf(id))) as Box[] as Boxes

const forked = async (stack: AsyncDisposableStack, wish?: object, of: Box = parent) => {
  const made = await call('POST', `${of.path}/fork`, wish)
  expect(made.status, made.text).toBe(201)
  return { body: made.body, boxes: children(stack, made.body.children) }
}

const tree = async (stack: AsyncDisposableStack, wish?: object) => {
  const made = await call('POST', `${parent.path}/fork-tree`, wish)
  expect(made.status, made.text).toBe(201)
  const ids = made.body.children.map((child: { id: string }) => child.id)
  return { body: made.body, boxes: children(stack, ids) }
}

describe('a fork', () => {
  test('is told as clients expect it', async () => {
    await using stack = new AsyncDisposableStack()
    const { body } = await forked(stack)
    expect(body).toMatchObject({
      parent_id: parent.id,
      snapshot_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      children: [body.sandbox.id],
      sandboxes: [body.sandbox],
      errors: [],
      pause_ms: expect.any(Number),
      at: expect.any(String),
    })
    const { id, metadata, ...child } = body.sandbox
    expect(id).not.toBe(parent.id)
    expect(metadata).toMatchObject({ fork_parent_id: parent.id })
    const { template, cpu, memory_mb, disk_mb, tier } = (await call('GET', parent.path)).body
    expect(child).toMatchObject({ template, cpu, memory_mb, disk_mb, tier, status: 'running' })
    expect((await call('GET', `/v1/sandboxes/${id}`)).body).toMatchObject({ id, status: 'running' })
  })

  test('goes on with the memory and the files of its parent, which goes on as well', async () => {
    await using stack = new AsyncDisposableStack()
    const atFork = await countOf(parent)
    const [child] = (await forked(stack)).boxes
    const there = await countOf(child)
    expect(there.secret).toBe(before.secret)
    expect(there.asked).toBe(atFork.asked + 1)
    expect(there.ticks).toBeGreaterThanOrEqual(atFork.ticks)
    await expectTicking(child, there.ticks)
    await expectTicking(parent, atFork.ticks)
    expect((await countOf(parent)).secret).toBe(before.secret)
    expect(await output(child, 'cat /root/before /tmp/before')).toBe('disk\nmemory')
    expect(await statusOf(parent)).toBe('running')
  })

  test('shares nothing that is written later, in any direction', async () => {
    await using stack = new AsyncDisposableStack()
    const [a, b] = (await forked(stack, { count: 2 })).boxes
    const all: [string, Box][] = [
      ['parent', parent],
      ['a', a],
      ['b', b],
    ]
    for (const [name, box] of all)
      await output(box, `echo ${name} | tee /root/mine /tmp/mine; echo ${name} >> /root/before`)
    for (const [name, box] of all) {
      expect(await output(box, 'cat /root/mine /tmp/mine')).toBe(`${name}\n${name}`)
      expect(await output(box, 'cat /root/before')).toBe(`disk\n${name}`)
    }
    await parent.exec('echo disk > /root/before; rm /root/mine /tmp/mine')
    const [first, second] = [await countOf(a), await countOf(b)]
    for (let i = 0; i < 5; i++) await countOf(a)
    expect((await countOf(a)).asked).toBe(first.asked + 6)
    expect((await countOf(b)).asked).toBe(second.asked + 1)
  })

  test('is somebody else: id, host name, machine id, addresses, entropy, generation, time', async () => {
    await using stack = new AsyncDisposableStack()
    const { boxes } = await forked(stack, { count: 2 })
    for (const cmd of [
      'hostname',
      'cat /etc/machine-id',
      'cat /run/pandastack/generation',
      'head -c 16 /dev/urandom | od -An -tx1',
      'cat /proc/sys/kernel/random/uuid',
    ]) {
      const said = await Promise.all([parent, ...boxes].map((box) => output(box, cmd)))
      expect(new Set(said).size, `${cmd}: ${said}`).toBe(3)
    }
    for (const box of boxes) {
      const clock = Number(await output(box, 'date +%s.%N'))
      expect(Math.abs(clock - Date.now() / 1000)).toBeLessThan(5)
    }
  })

  test('takes what it is told: metadata, variables, time to live; and old words that mean nothing', async () => {
    await using stack = new AsyncDisposableStack()
    const wish = { metadata: { a: 'b' }, env: { COLOUR: 'green' }, ttl_seconds: 77, mode: 'cold' }
    const { body, boxes } = await forked(stack, wish)
    expect(body.sandbox).toMatchObject({ metadata: { a: 'b' }, ttl_seconds: 77, persistent: false })
    expect(body.sandbox.expires_at).toEqual(expect.any(String))
    expect(await output(boxes[0], 'echo $COLOUR')).toBe('green')
    const warm = await call('POST', `${parent.path}/fork?warm=1`)
    expect(warm.status).toBe(201)
    await using child = boxOf(warm.body.sandbox.id)
    expect((await countOf(child)).secret).toBe(before.secret)
    expect(await statusOf(parent)).toBe('running')
  })

  test('can be forked again', async () => {
    await using stack = new AsyncDisposableStack()
    const [child] = (await forked(stack)).boxes
    await output(child, 'echo child > /root/generation')
    const { body, boxes } = await forked(stack, {}, child)
    const [grandchild] = boxes
    expect(body.sandbox.metadata.fork_parent_id).toBe(child.id)
    expect(await output(grandchild, 'cat /root/generation /root/before')).toBe('child\ndisk')
    expect((await countOf(grandchild)).secret).toBe(before.secret)
    await call('DELETE', child.path)
    expect((await countOf(grandchild)).secret).toBe(before.secret)
  })

  test('cannot be passed off as another: its origin is not for the caller to say', async () => {
    await using stack = new AsyncDisposableStack()
    const lies = { fork_parent_id: anyone, fork_tree_id: 'mine', own: 'child' }
    const { body } = await tree(stack, { count: 1, metadata: lies })
    expect(body.children[0].metadata).toMatchObject({
      fork_parent_id: parent.id,
      fork_tree_id: body.tree_id,
      own: 'child',
    })
  })
})

describe('a tree of forks', () => {
  test('has two children unless told otherwise, as objects that know their tree', async () => {
    await using stack = new AsyncDisposableStack()
    const { body } = await tree(stack)
    expect(body).toMatchObject({ parent_id: parent.id, errors: [], tree_id: expect.any(String) })
    expect(body.children).toHaveLength(2)
    for (const child of body.children)
      expect(child).toMatchObject({
        status: 'running',
        metadata: { fork_parent_id: parent.id, fork_tree_id: body.tree_id },
      })
  })

  test('is of one instant', async () => {
    await using stack = new AsyncDisposableStack()
    const { boxes } = await tree(stack, { count: 4, metadata: { explore: '1' } })
    const counts = await Promise.all(boxes.map(countOf))
    expect(new Set(counts.map(({ asked }) => asked)).size).toBe(1)
    expect(counts.map(({ secret }) => secret)).toEqual(Array(4).fill(before.secret))
    expect(new Set(boxes.map(({ id }) => id)).size).toBe(4)
  })

  test('is cleared for the one that is promoted', async () => {
    await using stack = new AsyncDisposableStack()
    const { body, boxes } = await tree(stack, { count: 3 })
    const [winner, ...losers] = boxes
    await output(winner, 'echo won > /root/won')
    const promoted = await call('POST', `${winner.path}/promote`, { cleanup_siblings: true })
    expect(promoted).toMatchObject({
      status: 200,
      body: { winner: winner.id, tree_id: body.tree_id, failures: {} },
    })
    expect(promoted.body.deleted.toSorted()).toEqual(losers.map(({ id }) => id).toSorted())
    for (const loser of losers) expect((await call('GET', loser.path)).status).toBe(404)
    expect(await output(winner, 'cat /root/won')).toBe('won')
    expect((await countOf(winner)).secret).toBe(before.secret)
    expect(await statusOf(parent)).toBe('running')
    expect((await parent.exec('cat /root/won')).exit_code).toBe(1)
  })

  test('stays when nobody wants it cleared', async () => {
    await using stack = new AsyncDisposableStack()
    const { body, boxes } = await tree(stack)
    const promoted = await call('POST', `${boxes[0].path}/promote`, { tree_id: body.tree_id })
    expect(promoted.body).toEqual({ winner: boxes[0].id, tree_id: body.tree_id, deleted: [], failures: {} })
    expect(await statusOf(boxes[1])).toBe('running')
  })

  test('can end in its parent, which keeps its name', async () => {
    await using root = await createBox({ template: 'base', metadata: { own: 'root' } })
    const { secret } = await startCounter(root)
    await using stack = new AsyncDisposableStack()
    const made = await call('POST', `${root.path}/fork-tree`, { count: 2 })
    const ids = made.body.children.map(({ id }: { id: string }) => id)
    const [winner, loser] = children(stack, ids)
    await output(winner, 'echo won > /root/won')
    await output(root, 'echo lost > /root/lost')
    for (let i = 0; i < 5; i++) await countOf(winner)
    const { asked } = await countOf(winner)
    const promoted = await call('POST', `${winner.path}/promote`, { take_over: true, cleanup_siblings: true })
    expect(promoted, promoted.text).toMatchObject({ status: 200, body: { winner: root.id } })
    expect((await call('GET', root.path)).body).toMatchObject({
      id: root.id,
      status: 'running',
      metadata: { own: 'root' },
    })
    expect(await output(root, 'cat /root/won; ls /root/lost 2>/dev/null || echo none')).toBe('won\nnone')
    expect(await countOf(root)).toMatchObject({ secret, asked: asked + 1 })
    for (const gone of [winner, loser]) expect((await call('GET', gone.path)).status).toBe(404)
  })

  test('is no place for a sandbox that is no fork, or for another tree', async () => {
    const refusal = await call('POST', `${parent.path}/promote`, { cleanup_siblings: true })
    expect([400, 404, 409]).toContain(refusal.status)
    expect(typeof refusal.body.error).toBe('string')
    await using stack = new AsyncDisposableStack()
    const [one, other] = [await tree(stack, { count: 1 }), await tree(stack, { count: 1 })]
    const wrong = await call('POST', `${one.boxes[0].path}/promote`, {
      cleanup_siblings: true,
      tree_id: other.body.tree_id,
    })
    expect([400, 404, 409]).toContain(wrong.status)
    expect(await statusOf(other.boxes[0])).toBe('running')
  })
})

describe('keys and bad input', () => {
  test.each(['fork', 'fork-tree'])('a repeated key makes the children of %s once', async (verb) => {
    const headers = { 'idempotency-key': `acceptance-${crypto.randomUUID()}` }
    const make = (wish: object = {}) => call('POST', `${parent.path}/${verb}`, { count: 2, ...wish }, headers)
    const answers = await Promise.all([make(), make()])
    answers.push(await make())
    const ids = answers.map(({ body }) =>
      body.children.map((child: string | { id: string }) => (typeof child === 'string' ? child : child.id)),
    )
    await using stack = new AsyncDisposableStack()
    children(stack, ids[0])
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
    expect(ids).toEqual([ids[0], ids[0], ids[0]])
    expect(refused(await make({ count: 3 }))).toEqual([422, 'string'])
  })

  test.each(['fork', 'fork-tree', 'promote'])('%s refuses nonsense in words', async (verb) => {
    for (const path of [anyone, 'none', '%2e%2e%2f']) {
      expect(refused(await call('POST', `/v1/sandboxes/${path}/${verb}`))).toEqual([404, 'string'])
    }
    const bad: unknown[] = [[], '{"count":', { metadata: 'x' }]
    const counts = [0, -1, 101, 1.5, 'x', null].map((count) => ({ count }))
    const own = verb === 'promote' ? [{ cleanup_siblings: 'yes' }, { tree_id: 7 }, []] : [...bad, ...counts]
    for (const body of own)
      expect(refused(await call('POST', `${parent.path}/${verb}`, body)), JSON.stringify(body)).toEqual([
        400,
        'string',
      ])
  })
})
