// Snapshots, forks and sleep with the published npm client and its command line, unchanged.

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { counterPort } from './counter.ts'
import type { Count } from './counter.ts'
import { npmClient } from './npm-client.ts'
import type { NpmClient } from './npm-client.ts'

interface Sandbox {
  id: string
  info: { template: string; status: string; metadata: Record<string, string>; from_snapshot: string }
  exec(cmd: string): Promise<{ stdout: string; exit_code: number }>
  filesystem: { read(path: string): Promise<string>; write(path: string, text: string): Promise<unknown> }
  kill(): Promise<void>
  snapshot(): Promise<{ id: string; sandbox_id: string }>
  fork(options?: object): Promise<Sandbox>
  forkTree(options: { count: number; metadata?: object }): Promise<Sandbox[]>
  promote(options?: object): Promise<{ winner: string; tree_id: string; deleted: string[]; failures: object }>
  hibernate(): Promise<void>
  wake(): Promise<void>
  explore(
    candidates: (string | { label: string; cmd: string })[],
    options?: object,
  ): Promise<{
    winner: Sandbox | null
    winnerOutcome: { label: string; filesChanged: string[]; stdoutTail: string }
    outcomes: { label: string; sandboxId: string; ok: boolean }[]
    treeId: string
    reaped: string[]
    errors: string[]
  }>
}
interface Snapshot {
  id: string
  sandbox_id: string
  template: string
  size_bytes: number
}
interface Vendor {
  Sandbox: { create(options: object): Promise<Sandbox>; get(id: string): Promise<Sandbox> }
  Client: new () => {
    snapshots: {
      list(filter?: { sandbox_id: string }): Promise<Snapshot[]>
      get(id: string): Promise<Snapshot>
      delete(id: string): Promise<void>
    }
  }
}

let vendor: Vendor
let cli: NpmClient['cli']
let parent: Sandbox
let before: Count

const countOf = async (sandbox: Sandbox): Promise<Count> =>
  JSON.parse((await sandbox.exec(`curl -sf localhost:${counterPort}`)).stdout)

beforeAll(async () => {
  const client = await npmClient()
  vendor = client.module as Vendor
  cli = client.cli
  parent = await vendor.Sandbox.create({ template: 'base', ttlSeconds: 900 })
  const source = readFileSync(new URL('guest-counter.py', import.meta.url), 'utf8')
  await parent.filesystem.write('/root/counter.py', source)
  await parent.exec(`setsid python3 /root/counter.py ${counterPort} </dev/null >/tmp/counter.log 2>&1 &`)
  await parent.exec(`until curl -sf localhost:${counterPort} >/dev/null; do sleep 0.05; done`)
  await parent.exec('mkdir -p /app; echo disk > /app/kept')
  before = await countOf(parent)
})
afterAll(() => parent?.kill())

/** Killed when the test is over, unless they are gone by then. */
const owning = (stack: AsyncDisposableStack, ...sandboxes: Sandbox[]): void => {
  for (const sandbox of sandboxes) stack.defer(() => sandbox.kill().catch(() => undefined))
}
const expectItself = async (sandbox: Sandbox): Promise<void> => {
  const { secret, ticks } = await countOf(sandbox)
  expect(secret).toBe(before.secret)
  await expect.poll(async () => (await countOf(sandbox)).ticks, { timeout: 15_000 }).toBeGreaterThan(ticks)
  expect(await sandbox.filesystem.read('/app/kept')).toBe('disk\n')
}
const expectGone = (id: string) =>
  expect(vendor.Sandbox.get(id)).rejects.toMatchObject({ name: 'NotFoundError' })

describe('the client', () => {
  test('takes, lists, uses and deletes snapshots', async () => {
    const { snapshots } = new vendor.Client()
    const made = await parent.snapshot()
    expect(made).toMatchObject({ sandbox_id: parent.id })
    expect((await snapshots.list({ sandbox_id: parent.id })).map(({ id }) => id)).toEqual([made.id])
    expect((await snapshots.list()).map(({ id }) => id)).toContain(made.id)
    expect(await snapshots.get(made.id)).toMatchObject({ template: 'base', size_bytes: expect.any(Number) })
    await using stack = new AsyncDisposableStack()
    const copy = await vendor.Sandbox.create({ fromSnapshot: made.id, ttlSeconds: 120 })
    owning(stack, copy)
    expect(copy.info).toMatchObject({ template: 'base', from_snapshot: made.id })
    await expectItself(copy)
    await snapshots.delete(made.id)
    await expect(snapshots.get(made.id)).rejects.toMatchObject({ name: 'NotFoundError' })
    await expectItself(copy)
  })

  test('forks, which leaves the parent as it was', async () => {
    await using stack = new AsyncDisposableStack()
    const child = await parent.fork({ metadata: { role: 'child' } })
    owning(stack, child)
    expect(child.info).toMatchObject({ template: 'base', status: 'running', metadata: { role: 'child' } })
    expect(child.info.metadata['fork_parent_id']).toBe(parent.id)
    await expectItself(child)
    await child.filesystem.write('/app/kept', 'child')
    expect(await parent.filesystem.read('/app/kept')).toBe('disk\n')
    await expectItself(parent)
    const bare = await parent.fork()
    owning(stack, bare)
    await expectItself(bare)
  })

  test('forks a tree and promotes one of it', async () => {
    await using stack = new AsyncDisposableStack()
    const children = await parent.forkTree({ count: 3 })
    owning(stack, ...children)
    const [winner, ...losers] = children as [Sandbox, ...Sandbox[]]
    const [tree] = new Set(children.map(({ info }) => info.metadata['fork_tree_id']))
    const promoted = await winner.promote({ cleanupSiblings: true })
    expect(promoted).toMatchObject({ winner: winner.id, tree_id: tree, failures: {} })
    expect(promoted.deleted.toSorted()).toEqual(losers.map(({ id }) => id).toSorted())
    for (const { id } of losers) await expectGone(id)
    await expectItself(winner)
  })

  test('explores, and keeps the best', async () => {
    await using stack = new AsyncDisposableStack()
    const result = await parent.explore(
      [
        { label: 'poor', cmd: 'echo 1 | tee /app/points' },
        { label: 'good', cmd: `curl -s localhost:${counterPort}; echo; echo 7 | tee /app/points` },
        { label: 'broken', cmd: 'echo 9 | tee /app/points; exit 1' },
      ],
      {
        scoreFn: (_: Sandbox, { stdoutTail }: { stdoutTail: string }) =>
          Number(stdoutTail.trim().split('\n').at(-1)),
      },
    )
    const { winner } = result
    if (!winner) throw new Error('no winner')
    owning(stack, winner)
    expect(result.winnerOutcome).toMatchObject({ label: 'good', filesChanged: ['/app/points'] })
    expect(result.winnerOutcome.stdoutTail).toContain(before.secret)
    expect(result.errors).toEqual([])
    expect(result.treeId).not.toBe('')
    const losers = result.outcomes.map(({ sandboxId }) => sandboxId).filter((id) => id !== winner.id)
    expect(result.reaped.toSorted()).toEqual(losers.toSorted())
    for (const id of losers) await expectGone(id)
    expect(await winner.filesystem.read('/app/points')).toBe('7\n')
    await expectItself(winner)
    await expectItself(parent)
    expect((await parent.exec('cat /app/points')).exit_code).toBe(1)
  })

  test('hibernates, wakes, and wakes by using', async () => {
    const status = async () => (await vendor.Sandbox.get(parent.id)).info.status
    await parent.hibernate()
    expect(await status()).toBe('hibernated')
    await parent.wake()
    await parent.wake()
    expect(await status()).toBe('running')
    await parent.hibernate()
    await expectItself(parent)
    expect(await status()).toBe('running')
  })
})

describe('the command line', () => {
  const said = async (...words: string[]) => {
    const { exitCode, stdout, stderr } = await cli(...words)
    expect([words.join(' '), exitCode, stderr]).toEqual([words.join(' '), 0, ''])
    return stdout
  }

  test('takes, lists, shows, uses and deletes snapshots', async () => {
    const { id } = JSON.parse(await said('sb', 'snapshot', parent.id)) as Snapshot
    const ids = (text: string) => (JSON.parse(text) as Snapshot[]).map((one) => one.id)
    expect(ids(await said('snap', 'list'))).toContain(id)
    expect(ids(await said('snap', 'list', '--sandbox', parent.id))).toEqual([id])
    expect(JSON.parse(await said('snap', 'get', id))).toMatchObject({ id, template: 'base' })
    const copy = JSON.parse(await said('sb', 'create', '--from-snapshot', id, '--ttl', '120')) as {
      id: string
    }
    expect(await said('sb', 'exec', copy.id, '--', 'cat /app/kept')).toBe('disk\n')
    await said('sb', 'delete', copy.id)
    expect(await said('snap', 'delete', id)).toBe(`deleted snapshot ${id}\n`)
    expect((await cli('snap', 'get', id)).exitCode).toBe(1)
  })

  test('forks, forks a tree and promotes', async () => {
    await using stack = new AsyncDisposableStack()
    const own = (...ids: string[]): void => {
      for (const id of ids) stack.defer(async () => void (await cli('sb', 'delete', id)))
    }
    const child = JSON.parse(await said('sb', 'fork', parent.id, '--metadata', 'a=b')) as {
      id: string
      metadata: object
    }
    own(child.id)
    expect(child.metadata).toMatchObject({ a: 'b', fork_parent_id: parent.id })
    expect(await said('sb', 'exec', child.id, '--', 'cat /app/kept')).toBe('disk\n')
    const tree = JSON.parse(await said('sb', 'fork-tree', parent.id, '--count', '2')) as { id: string }[]
    own(...tree.map(({ id }) => id))
    expect(tree).toHaveLength(2)
    const promoted = JSON.parse(await said('sb', 'promote', tree[0]?.id ?? '')) as object
    expect(promoted).toMatchObject({ winner: tree[0]?.id, deleted: [], failures: {} })
  })

  test('hibernates and wakes', async () => {
    const status = async () => (JSON.parse(await said('sb', 'get', parent.id)) as { status: string }).status
    expect(await said('sb', 'hibernate', parent.id)).toBe(`hibernate ${parent.id}\n`)
    expect(await status()).toBe('hibernated')
    expect(await said('sb', 'wake', parent.id)).toBe(`wake ${parent.id}\n`)
    expect(await status()).toBe('running')
    await said('sb', 'hibernate', parent.id)
    expect(await said('sb', 'exec', parent.id, '--', 'cat /app/kept')).toBe('disk\n')
  })
})
