// The commands for snapshots and forks as they are typed, through the client and the API to a scripted core.

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '@stricli/core'
import { expect, test } from 'vitest'
import { aResult, anOutcome, aSandbox, aSnapshot, aTree } from '@pandastack/api/fixtures/examples.ts'
import { startScripted } from '@pandastack/api/fixtures/scripted-core.ts'
import { app } from '../app.ts'
import type { Context } from '../context.ts'

const id = randomUUID()
const kept = randomUUID()

/** Core notes what it is asked for; `type` runs one command line against it. */
const start = async () => {
  const asked: unknown[] = []
  const noting =
    <Reply>(reply: (...args: never[]) => Reply) =>
    async (_caller: unknown, ...args: unknown[]): Promise<Reply> => {
      // Keys and signals are not the command's.
      asked.push(args.filter((arg) => typeof arg !== 'object' || arg === null || !('signal' in arg)))
      return reply(...(args as never[]))
    }
  const api = await startScripted({
    sandboxes: {
      get: async () => aSandbox({ id }),
      create: noting(() => aSandbox({ id })),
      hibernate: noting(() => aSandbox({ status: 'hibernated' })),
      wake: noting(() => aSandbox()),
      rewind: noting(() => ({ sandbox: aSandbox(), snapshot_id: kept, took_ms: 41.7 })),
    },
    snapshots: {
      get: async () => aSnapshot({ id: kept, name: 'warm' }),
      create: noting(() => aSnapshot({ id: kept })),
      list: noting(() => [aSnapshot({ id: kept, name: 'warm' })]),
      remove: noting(() => undefined),
    },
    forks: {
      fork: noting((parent: string, { count = 1 }: { count?: number }) => ({
        ...aTree(parent, count),
        errors: count > 2 ? [{ index: 2, error: 'no room' }] : [],
      })),
      promote: noting((winner: string) => ({
        winner,
        tree_id: 't',
        deleted: [kept],
        failures: {},
      })),
    },
    attempts: {
      run: async (_caller, parent, input, { onOutcome }) => {
        asked.push(input)
        const outcomes = input.commands.map((one, index) =>
          anOutcome(index, {
            label: typeof one === 'string' ? one : one.cmd,
            state: index === 1 ? 'succeeded' : 'failed',
          }),
        )
        for (const outcome of outcomes) onOutcome?.(outcome)
        return aResult(parent, outcomes)
      },
    },
    diff: noting((to: string) => ({
      from: 'base',
      to,
      files: [
        {
          path: '/w/x',
          change: 'changed' as const,
          kind: 'file' as const,
          size_bytes: 4,
          text_diff: '@@ -1 +1 @@\n-old\n+new\n',
        },
      ],
      truncated: true,
    })),
  })
  const home = await mkdtemp(join(tmpdir(), 'cli-'))
  const type = async (...words: string[]) => {
    let [stdout, stderr, exitCode] = ['', '', 0]
    const context: Context = {
      process: {
        stdout: { write: (text) => (stdout += text) },
        stderr: { write: (text) => (stderr += text) },
      },
      stdin: process.stdin,
      env: { PANDASTACK_HOME: home, PANDASTACK_API: api.url, PANDASTACK_API_KEY: api.key },
      signal: new AbortController().signal,
      setExitCode: (code) => (exitCode = code),
      program: 'pandastack',
    }
    await run(app, words, context)
    return { stdout, stderr, exitCode, asked: asked.splice(0) }
  }
  return {
    type,
    json: async (...words: string[]) => JSON.parse((await type(...words, '--json')).stdout),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await rm(home, { recursive: true })
    },
  }
}

const uuidLine = /^[0-9a-f-]{36}\n$/

test('fork prints the ids of the children, and fails when one is missing', async () => {
  await using cli = await start()
  const one = await cli.type('sandbox', 'fork', id)
  expect(one).toMatchObject({ stdout: expect.stringMatching(uuidLine), exitCode: 0 })
  expect(one.asked).toEqual([[id, { count: 1 }]])
  const two = await cli.type('sandbox', 'fork', id, '--tree', '--ttl', '5m', '-e', 'A=1', '-m', 'b=c')
  expect(two.stdout.trim().split('\n')).toHaveLength(2)
  expect(two.asked).toEqual([[id, { count: 2, ttl_seconds: 300, env: { A: '1' }, metadata: { b: 'c' } }]])
  const three = await cli.type('sandbox', 'fork', id, '--count', '3')
  expect(three).toMatchObject({ stderr: 'child 2: no room\n', exitCode: 1 })
  expect((await cli.json('sandbox', 'fork', id, '--tree')).children[0]).toMatchObject({ template: 'base' })
})

test('promote says who won and who is gone', async () => {
  await using cli = await start()
  const done = await cli.type('sandbox', 'promote', id, '--cleanup', '--take-over')
  expect(done.stdout).toBe(`winner:   ${id}\ntree:     t\ndeleted:  ${kept}\n`)
  expect(done.asked).toEqual([[id, { cleanup_siblings: true, take_over: true }]])
  expect(await cli.json('sandbox', 'promote', id)).toMatchObject({ winner: id, failures: {} })
})

test('hibernate and wake print the status', async () => {
  await using cli = await start()
  expect((await cli.type('sandbox', 'hibernate', id)).stdout).toBe('hibernated\n')
  expect((await cli.type('sandbox', 'wake', id)).stdout).toBe('running\n')
  expect(await cli.json('sandbox', 'wake', id)).toEqual({ status: 'running' })
})

test('a checkpoint is made, listed and gone back to', async () => {
  await using cli = await start()
  const made = await cli.type('sandbox', 'checkpoint', id, '--name', 'before')
  expect(made).toMatchObject({ stdout: `${kept}\n`, asked: [[id, { name: 'before', kind: 'checkpoint' }]] })
  const all = await cli.type('sandbox', 'checkpoints', id)
  expect(all.stdout).toMatch(/^ID .*\n[0-9a-f-]{36} {2}warm /)
  expect(all.asked).toEqual([[{ sandboxId: id, checkpoints: true }]])
  for (const [words, to] of [
    [[], {}],
    [['--steps', '2'], { steps: 2 }],
    [['--name', 'before'], { name: 'before' }],
    [['--to', kept], { snapshot_id: kept }],
  ] as const) {
    const back = await cli.type('sandbox', 'rewind', id, ...words)
    expect(back).toMatchObject({ stdout: `rewound to:  ${kept}\ntook:        42 ms\n`, asked: [[id, to]] })
  }
})

test('a snapshot is made, listed, shown, deleted, and a sandbox made from it', async () => {
  await using cli = await start()
  const made = await cli.type('snapshot', 'create', id, '--name', 'warm', '-m', 'a=b')
  expect(made).toMatchObject({
    stdout: `${kept}\n`,
    asked: [[id, { name: 'warm', metadata: { a: 'b' }, kind: 'snapshot' }]],
  })
  expect((await cli.type('snapshot', 'list', '--sandbox', id)).asked).toEqual([[{ sandboxId: id }]])
  expect((await cli.type('snapshot', 'ls')).asked).toEqual([[{}]])
  expect((await cli.type('snapshot', 'get', kept)).stdout).toContain('1.0 MiB its own, 2.0 MiB shared')
  expect(await cli.type('snapshot', 'rm', kept)).toMatchObject({ stdout: `${kept}\n`, asked: [[kept]] })
  const words = ['--from-snapshot', kept, '--on-timeout', 'hibernate', '--hibernate-after', '10m']
  expect((await cli.type('sandbox', 'create', ...words)).asked).toEqual([
    [{ from_snapshot: kept, on_timeout: 'hibernate', hibernate_after_seconds: 600 }],
  ])
  const both = await cli.type('sandbox', 'create', '--template', 'base', '--from-snapshot', kept)
  expect(both).toMatchObject({ stderr: expect.stringContaining('has its template already'), asked: [] })
})

test('a diff reads like one of git', async () => {
  await using cli = await start()
  for (const [noun, of] of [
    ['sandbox', id],
    ['snapshot', kept],
  ] as const) {
    const plain = await cli.type(noun, 'diff', of)
    expect(plain.stdout).toBe('diff --git a/w/x b/w/x\n--- a/w/x\n+++ b/w/x\n@@ -1 +1 @@\n-old\n+new\n')
    expect(plain).toMatchObject({ stderr: 'more files differ than are shown\n', asked: [[of, null]] })
    expect((await cli.type(noun, 'diff', of, '--from', 'y')).asked).toEqual([[of, 'y']])
    expect(await cli.json(noun, 'diff', of)).toMatchObject({ to: of, truncated: true })
  }
})

test('attempts are words or flags, end in a table, and fail when none succeeded', async () => {
  await using cli = await start()
  const done = await cli.type('sandbox', 'attempts', id, '--cmd', 'a', '--timeout', '1m', '--', 'b --x', 'c')
  expect(done.stdout.split('\n').map((line) => line.slice(0, 11))).toEqual([
    '   ATTEMPT ',
    '   a       ',
    '*  b --x   ',
    '   c       ',
    '',
  ])
  expect(done.stderr).toContain('  ok    b --x  succeeded')
  expect(done.exitCode).toBe(0)
  expect(done.asked).toEqual([{ commands: ['a', 'b --x', 'c'].map((cmd) => ({ cmd, timeout_seconds: 60 })) }])
  const all = ['--stop', 'best_score', '--score-cmd', 'score', '--score-enough', '0.9', '--winner', 'merge']
  const more = ['--deadline', '1h', '--concurrency', '2', '--no-files']
  const failed = await cli.type('sandbox', 'attempts', id, ...all, ...more, '--json', '--', 'a')
  expect(JSON.parse(failed.stdout)).toMatchObject({ winner: null, outcomes: [{ label: 'a' }] })
  expect(failed.exitCode).toBe(1)
  expect(failed.asked).toEqual([
    {
      commands: [{ cmd: 'a' }],
      stop: 'best_score',
      score_cmd: 'score',
      score_enough: 0.9,
      winner: 'merge',
      deadline_seconds: 3600,
      concurrency: 2,
      files: false,
    },
  ])
  expect(await cli.type('sandbox', 'attempts', id)).toMatchObject({
    stderr: expect.stringContaining('nothing to attempt'),
    asked: [],
  })
})
