import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { identity, type ProcessIdentity } from '@pandastack/kit/process/identity.ts'
import { run } from '@pandastack/kit/process/run.ts'
import { bootId } from '../up/state.ts'

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bootstrap-'))
  await mkdir(join(dir, 'run'))
})
afterAll(() => rm(dir, { recursive: true }))

/** Runs shell text with the functions of bootstrapping at hand. */
const bash = (text: string, env: Record<string, string> = {}) => {
  const files = ['lines', 'running', 'preflight', 'packages'].map((name) =>
    join(import.meta.dirname, `${name}.sh`),
  )
  const script = `set -euo pipefail; home=${dir}; listen=\${listen:-}; ${files.map((file) => `. ${file}`).join('; ')}; ${text}`
  const PATH = process.env['PATH'] ?? ''
  return run('bash', ['-c', script], { deadlineMs: 20_000, env: { PATH, ...env } })
}

const self = identity(process.pid) as ProcessIdentity

const runs = async (line: string) => {
  await writeFile(join(dir, 'run/supervisor.pid'), line)
  return (await bash('supervisor_runs')).exitCode === 0
}

describe('a supervisor', () => {
  test('runs when number, start time and boot are those of a process', async () => {
    expect(await runs(`${self.pid} ${self.startTime} ${bootId()}\n`)).toBe(true)
  })

  test('does not run when one of them is of somebody else', async () => {
    expect(await runs(`${self.pid} 1 ${bootId()}\n`)).toBe(false)
    expect(await runs(`${self.pid} ${self.startTime} other-boot\n`)).toBe(false)
    expect(await runs(`4194304 ${self.startTime} ${bootId()}\n`)).toBe(false)
    expect(await runs('')).toBe(false)
  })
})

const checkPort = async (listen: string) => (await bash('check_port', { listen })).stdout.split('\t')

describe('the port', () => {
  test('that somebody listens on is named with the process', async () => {
    await rm(join(dir, 'run/supervisor.pid'), { force: true })
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      const [level, , text] = await checkPort(`127.0.0.1:${port}`)
      expect(level).toBe('fail')
      expect(text).toContain(`(process ${process.pid})`)
      const state = { supervisor: { pid: self.pid, startTime: self.startTime } }
      await writeFile(join(dir, 'run/state.json'), JSON.stringify(state, null, 2))
      expect((await checkPort(`127.0.0.1:${port}`))[0]).toBe('ok')
    } finally {
      server.close()
    }
  })

  test.each(['x', '1:0', 'a:65536', 'a:1a'])('has to be a number: %s', async (listen) => {
    expect((await checkPort(listen))[0]).toBe('fail')
  })
})

test('each check answers with one line of level, name and sentence', async () => {
  const { stdout } = await bash(
    'for c in root system architecture kernel tracing disk memory; do check_$c; done',
  )
  const lines = stdout.trim().split('\n')
  expect(lines).toHaveLength(7)
  for (const line of lines) expect(line).toMatch(/^(ok|warn|fail)\t[a-z]+\t\S.+$/)
})

test('a step that fails shows the end of its output and ends the run', async () => {
  const log = join(dir, 'log')
  await writeFile(log, 'earlier\n')
  const done = await bash(`log_file=${log}; step good true; step bad sh -c 'echo why; exit 3'; echo never`)
  expect(done.exitCode).toBe(1)
  expect(done.stdout).toMatch(/ {2}ok {4}good {2}\d s\n.* {2}fail {2}bad {2}\d s \(exit 3\)\n$/s)
  expect(done.stderr).toContain('    why\n')
  expect(done.stderr).not.toContain('earlier')
})

test('what is installed is compared with what is wanted', async () => {
  const wanted = {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', optional: true },
  }
  const installed = async (packages: object) => {
    await mkdir(join(dir, 'node_modules'), { recursive: true })
    await writeFile(join(dir, 'package-lock.json'), JSON.stringify({ packages: wanted }))
    await writeFile(join(dir, 'node_modules/.package-lock.json'), JSON.stringify({ packages }))
    const program = join(import.meta.dirname, 'installed.mjs')
    return (await run(process.execPath, [program, dir], { deadlineMs: 20_000 })).exitCode === 0
  }
  expect(await installed({ 'node_modules/a': { version: '1.0.0' } })).toBe(true)
  expect(await installed({ 'node_modules/a': { version: '1.0.1' } })).toBe(false)
  expect(
    await installed({ 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0' } }),
  ).toBe(false)
  expect(await installed({})).toBe(false)
})
