// The published npm client and its CLI, unchanged, against a running installation.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { clients } from './clients.ts'
import { npmClient } from './npm-client.ts'
import type { NpmClient } from './npm-client.ts'
import { api, key } from './raw.ts'

interface ExecResult {
  stdout: string
  stderr: string
  exit_code: number
}
interface Sandbox {
  id: string
  info: Record<string, unknown>
  exec(cmd: string, options?: { timeoutSeconds?: number; check?: boolean }): Promise<ExecResult>
  execStream(
    cmd: string,
    options: { onStdout?: (text: string) => void; onStderr?: (text: string) => void },
  ): Promise<number>
  runCode(code: string, language?: string): Promise<ExecResult>
  createCodeContext(language?: string): Promise<{
    runCode(code: string): Promise<{ stdout: string; text?: string; error?: unknown }>
    close(): Promise<void>
  }>
  kill(): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  setTtl(seconds: number): Promise<{ ttl_seconds: number }>
  lifecycle(): Promise<{ ttl_seconds: number; persistent: boolean }>
  previewUrls(): Promise<Record<number, string>>
  logs(options?: { follow?: boolean }): AsyncIterable<string>
  filesystem: {
    read(path: string): Promise<string>
    write(path: string, content: string | Uint8Array): Promise<{ bytes: number }>
    list(path?: string): Promise<{ name: string; is_dir: boolean }[]>
    stat(path: string): Promise<{ size: number }>
    exists(path: string): Promise<boolean>
  }
}
interface Vendor {
  Sandbox: {
    create(options: object): Promise<Sandbox>
    list(): Promise<Sandbox[]>
    get(id: string): Promise<Sandbox>
  }
  Client: new (options?: object) => {
    me(): Promise<object>
    templates: {
      list(): Promise<{ name: string }[]>
      get(name: string): Promise<{ name: string; cpu: number }>
    }
    tokens: {
      create(label: string): Promise<{ token: string; prefix: string }>
      list(): Promise<{ prefix: string }[]>
      revoke(prefix: string): Promise<void>
    }
    sandboxes: { list(): Promise<object[]> }
  }
}

let vendor: Vendor
let cli: NpmClient['cli']
let sandbox: Sandbox

beforeAll(async () => {
  const client = await npmClient()
  vendor = client.module as Vendor
  cli = client.cli
  sandbox = await vendor.Sandbox.create({ template: 'agent', ttlSeconds: 600, metadata: { suite: 'npm' } })
})
afterAll(async () => {
  await sandbox?.kill()
})

describe('sandboxes', () => {
  test('the default template works and fields are there', async () => {
    const own = await vendor.Sandbox.create({ ttlSeconds: 60 })
    try {
      expect(own.info).toMatchObject({ template: 'ubuntu-24.04', status: 'running' })
      expect((await vendor.Sandbox.list()).map((other) => other.id)).toContain(own.id)
    } finally {
      await own.kill()
    }
    await expect(vendor.Sandbox.get(own.id)).rejects.toMatchObject({ name: 'NotFoundError' })
  })
  test('pause, resume, time to live', async () => {
    await sandbox.exec('echo kept > /tmp/kept')
    await sandbox.pause()
    await sandbox.resume()
    expect((await sandbox.exec('cat /tmp/kept')).stdout).toBe('kept\n')
    expect((await sandbox.setTtl(700)).ttl_seconds).toBe(700)
    expect((await sandbox.lifecycle()).persistent).toBe(false)
  })
})

describe('commands', () => {
  test('output, errors and exit codes', async () => {
    expect(await sandbox.exec('echo out; echo err >&2; exit 3')).toMatchObject({
      stdout: 'out\n',
      stderr: 'err\n',
      exit_code: 3,
    })
    await expect(sandbox.exec('exit 4', { check: true })).rejects.toMatchObject({ exitCode: 4 })
    await expect(sandbox.exec('sleep 60', { timeoutSeconds: 1 })).rejects.toMatchObject({
      name: 'SandboxTimeout',
    })
  })
  test('streams whole and in order', async () => {
    let text = ''
    const code = await sandbox.execStream('for i in 1 2 3; do echo "$i 世界 🐼"; sleep 0.1; done; exit 5', {
      onStdout: (chunk) => (text += chunk),
    })
    expect([code, text]).toEqual([5, '1 世界 🐼\n2 世界 🐼\n3 世界 🐼\n'])
  })
  test('code runs, also in a context that keeps its state', async () => {
    expect((await sandbox.runCode('print(6*7)', 'python')).stdout).toBe('42\n')
    const context = await sandbox.createCodeContext('python')
    await context.runCode('x = 20')
    expect((await context.runCode('print(x + 1)')).stdout).toBe('21\n')
    expect((await context.runCode('1/0')).error).toBeTruthy()
    await context.close()
  })
})

test('files are written, read, listed and missed', async () => {
  expect((await sandbox.filesystem.write('/tmp/n/ä b.txt', 'grüße')).bytes).toBe(7)
  expect(await sandbox.filesystem.read('/tmp/n/ä b.txt')).toBe('grüße')
  expect((await sandbox.filesystem.list('/tmp/n')).map((entry) => entry.name)).toEqual(['ä b.txt'])
  expect((await sandbox.filesystem.stat('/tmp/n')).size).toBeGreaterThanOrEqual(0)
  expect(await sandbox.filesystem.exists('/tmp/none')).toBe(false)
})

test('account, templates and tokens', async () => {
  const client = new vendor.Client()
  expect(await client.me()).toBeTruthy()
  expect((await client.templates.list()).map((template) => template.name)).toContain('agent')
  expect(await client.templates.get('base')).toMatchObject({ name: 'base' })
  const made = await client.tokens.create('npm acceptance')
  expect((await client.tokens.list()).map((token) => token.prefix)).toContain(made.prefix)
  await client.tokens.revoke(made.prefix)
  await sleep(1200)
  await expect(new vendor.Client({ apiKey: made.token }).sandboxes.list()).rejects.toMatchObject({
    name: 'AuthError',
  })
})

test('logs are lines of what commands wrote', async () => {
  await sandbox.exec('echo npm-log-line')
  const lines: string[] = []
  for await (const line of sandbox.logs()) lines.push(line)
  expect(lines.join('\n')).toContain('npm-log-line')
})

describe('the vendor command line', () => {
  test('creates, runs, passes the exit code through, deletes', async () => {
    const made = JSON.parse(
      (await cli('sandbox', 'create', '--template', 'base', '--ttl', '120')).stdout,
    ) as { id: string }
    const ran = await cli('sandbox', 'exec', made.id, '--', 'echo hi; exit 9')
    expect([ran.stdout.trim(), ran.exitCode]).toEqual(['hi', 9])
    expect((await cli('sandbox', 'list')).stdout).toContain(made.id)
    expect((await cli('sandbox', 'delete', made.id)).stdout).toContain(`deleted ${made.id}`)
    expect((await cli('sandbox', 'get', made.id)).exitCode).toBe(1)
  })
  test('uploads and downloads', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'acceptance-'))
    try {
      await writeFile(path.join(dir, 'up'), 'text\n'.repeat(1000))
      const up = await cli('fs', 'upload', sandbox.id, '--local', path.join(dir, 'up'), '--remote', '/tmp/up')
      expect(up.exitCode, up.stderr).toBe(0)
      await cli('fs', 'download', sandbox.id, '--remote', '/tmp/up', '--local', path.join(dir, 'down'))
      expect(await readFile(path.join(dir, 'down'), 'utf8')).toBe('text\n'.repeat(1000))
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})

test('the terminal speaks both ways, takes a new size and tells the exit code', async () => {
  const socket = new WebSocket(
    `${api().replace('http', 'ws')}/v1/sandboxes/${sandbox.id}/ssh?rows=24&cols=80`,
    { headers: { authorization: `Bearer ${key()}` } },
  )
  let screen = ''
  let exit: number | undefined
  const closed = new Promise<void>((resolve, reject) => {
    socket.on('message', (data: Buffer, binary) => {
      if (binary) screen += data.toString('utf8')
      else exit = (JSON.parse(data.toString('utf8')) as { exit: number }).exit
    })
    socket.on('close', () => resolve())
    socket.on('error', reject)
  })
  await new Promise((resolve) => socket.once('open', resolve))
  socket.send(JSON.stringify({ resize: { rows: 33, cols: 101 } }))
  socket.send(Buffer.from('stty size; exit 6\n'))
  await closed
  expect(screen).toContain('33 101')
  expect(exit).toBe(6)
})

test('nothing of ours stands in for the published client', async () => {
  const found = await clients()
  const manifest = JSON.parse(
    await readFile(path.join(found.npmDir, 'node_modules/@pandastack/sdk/package.json'), 'utf8'),
  ) as { version: string }
  expect(manifest.version).toBe('0.9.0')
  await runChecked(found.python, ['-c', 'import pandastack; assert pandastack.__version__ == "0.10.0"'], {
    deadlineMs: 20_000,
    env: { PATH: process.env['PATH'] ?? '', PYTHONPATH: found.pythonPath },
  })
})
