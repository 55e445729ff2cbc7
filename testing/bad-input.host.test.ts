// Everything that a caller can get wrong, over the real API and into a real sandbox: a clear refusal in the protocol's
// shape, never a 500, and nothing half made.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import { startInstallation, whyNot, type Installation } from './installation.ts'
import type { CallOptions, Reply } from './installation/wire.ts'
import { createSandbox, eventually, exec, listed, noLeaks, output } from './sandboxes.ts'

const reason = await whyNot()
if (reason !== null) console.warn(`skipped: ${reason}`)

interface Bad {
  what: string
  method: string
  path: string
  /** Text is sent as it is. */
  body?: unknown
  options?: CallOptions
  status: number
}

const unknownId = '11111111-2222-4333-8444-555555555555'
const deep = (open: string): string => open.repeat(100_000)
const json: CallOptions = { headers: { 'content-type': 'application/json' } }

const create = (what: string, body: unknown, status = 400): Bad => {
  return { what: `create with ${what}`, method: 'POST', path: '/v1/sandboxes', body, options: json, status }
}
const run = (what: string, body: unknown, status = 400): Bad => {
  return {
    what: `exec with ${what}`,
    method: 'POST',
    path: '/v1/sandboxes/ID/exec',
    body,
    options: json,
    status,
  }
}
const ask = (
  method: string,
  path: string,
  status: number,
  body?: unknown,
  options: CallOptions = {},
): Bad => {
  return {
    what: `${method} ${path.slice(0, 70)} ${body === undefined ? '' : JSON.stringify(body).slice(0, 50)}`,
    method,
    path,
    body,
    options,
    status,
  }
}

const creates: Bad[] = [
  create('a number for a template', { template: 5 }),
  create('an unknown template', { template: 'no-such-template' }),
  create('a path for a template', { template: '../../etc/passwd' }),
  create('a NUL in a template', { template: 'base\0' }),
  create('a name without end', { template: 'x'.repeat(100_000) }),
  ...[-1, 0, 1.5, 1e12, 'soon', null, [], {}].map((ttl) =>
    create(`a TTL of ${JSON.stringify(ttl)}`, { template: 'base', ttl_seconds: ttl }),
  ),
  create('a TTL beyond all numbers', '{"template":"base","ttl_seconds":1e999}'),
  ...[-1, 0, 1e9, '2'].map((cpu) => create(`${JSON.stringify(cpu)} processors`, { template: 'base', cpu })),
  ...[-1, 0, 1e12].map((memory_mb) => create(`${memory_mb} MB of memory`, { template: 'base', memory_mb })),
  ...[-1, 0, 1e9].map((disk_gb) => create(`a disk of ${disk_gb} GB`, { template: 'base', disk_gb })),
  create('metadata that is a list', { template: 'base', metadata: ['a'] }),
  create('metadata that is not text', { template: 'base', metadata: { a: 1 } }),
  create('a NUL in metadata', { template: 'base', metadata: { a: '\0' } }),
  create('half a character in metadata', '{"template":"base","metadata":{"a":"\\ud800"}}'),
  create('a variable that is none', { template: 'base', env: { 'A=B': 'c' } }),
  create('a NUL in a variable', { template: 'base', env: { A: 'b\0c' } }),
  create('an unknown snapshot', { template: 'base', from_snapshot: unknownId }, 404),
  create('a path for a snapshot', { template: 'base', from_snapshot: '../../x' }, 404),
  create('a list for a body', '[]'),
  create('null for a body', 'null'),
  create('text for a body', '"base"'),
  create('half a body', '{"template":"ba'),
  create('lists 100,000 deep', deep('[')),
  create('objects 100,000 deep', deep('{"a":')),
  create('a body over the limit', { template: 'base', metadata: { a: 'x'.repeat(2_000_000) } }, 413),
]

const execs: Bad[] = [
  run('no command', {}),
  run('an empty command', { cmd: '' }),
  run('a number for a command', { cmd: 5 }),
  run('a list for a command', { cmd: ['ls', '-l'] }),
  run('a NUL in a command', { cmd: 'echo a\0b' }),
  ...[-1, 0, 1e9, 'long', null].map((timeout) =>
    run(`a timeout of ${JSON.stringify(timeout)}`, { cmd: 'true', timeout_seconds: timeout }),
  ),
  run('a number in a variable', { cmd: 'true', env: { A: 1 } }),
  run('a NUL in a variable', { cmd: 'true', env: { A: '\0' } }),
  run('a variable that is none', { cmd: 'true', env: { 'A=B': 'c' } }),
  run('a directory that is not there', { cmd: 'true', cwd: '/no/such/place' }),
  run('a NUL in the directory', { cmd: 'true', cwd: '/\0' }),
  run('a user that is not there', { cmd: 'true', user: 'nobody-of-that-name' }),
  run('a command over the limit', { cmd: `: ${'x'.repeat(9_000_000)}` }),
  run('a body over the limit', `{"cmd":"${'x'.repeat(60_000_000)}"}`, 413),
  run('lists 100,000 deep', `{"cmd":${deep('[')}`),
]

const files: Bad[] = [
  ask('GET', '/v1/sandboxes/ID/fs', 400),
  ask('GET', '/v1/sandboxes/ID/fs?path=', 400),
  ask('GET', '/v1/sandboxes/ID/fs?path=%00', 400),
  ask('GET', '/v1/sandboxes/ID/fs?path=/etc/host%00name', 400),
  ask('GET', '/v1/sandboxes/ID/fs?path=%ff%fe', 404),
  ask('GET', `/v1/sandboxes/ID/fs?path=/${'x'.repeat(5000)}`, 400),
  ask('GET', `/v1/sandboxes/ID/fs?path=/${'x'.repeat(300)}`, 400),
  ask('GET', '/v1/sandboxes/ID/fs?path=/no/such/file', 404),
  ask('GET', '/v1/sandboxes/ID/fs?path=/etc', 400),
  ask('GET', '/v1/sandboxes/ID/fs?path=/etc/hostname/x', 400),
  ask('GET', '/v1/sandboxes/ID/fs/dir?path=/etc/hostname', 400),
  ask('GET', '/v1/sandboxes/ID/fs/stat?path=/no/such/file', 404),
  ask('PUT', '/v1/sandboxes/ID/fs?path=/etc', 400, 'x'),
  ask('PUT', '/v1/sandboxes/ID/fs?path=/etc/hostname/x', 400, 'x'),
  ask('DELETE', '/v1/sandboxes/ID/fs?path=/no/such/file', 404),
  ask('POST', '/v1/sandboxes/ID/fs/mkdir', 400, { path: 5 }),
  ask('POST', '/v1/sandboxes/ID/fs/rename', 404, { from: '/no/such/file', to: '/tmp/x' }),
]

const others: Bad[] = [
  ...[-1, 0, 1e12, 'x'].map((ttl) => ask('PATCH', '/v1/sandboxes/ID/lifecycle', 400, { ttl_seconds: ttl })),
  ask('PATCH', '/v1/sandboxes/ID/lifecycle', 400, { persistent: 'yes' }),
  ...[0, -1, 70_000, 1.5, 'http'].map((port) => ask('POST', '/v1/sandboxes/ID/ports', 400, { port })),
  ask('GET', '/v1/sandboxes/ID/proxy/1/', 502),
  ask('GET', '/v1/sandboxes/ID/proxy/70000/', 404),
  ask('POST', '/v1/sandboxes/ID/preview-token', 400, { port: 80, ttl_seconds: -1 }),
  ask('GET', '/v1/p/not-a-token/', 404),
  ask('GET', '/v1/sandboxes/ID/events?tail=-1', 400),
  ask('GET', '/v1/sandboxes/ID/events?tail=many', 400),
  ask('GET', '/v1/sandboxes/ID/ssh', 400),
  ask('GET', '/v1/sandboxes/ID/exec/pty?rows=-1', 400),
  ask('POST', '/v1/sandboxes/ID/repl/sessions', 400, { language: 'cobol' }),
  ask('POST', '/v1/sandboxes/ID/repl/sessions/nope/run', 404, { code: '1' }),
  ask('GET', '/v1/templates/no-such-template', 404),
  ask('GET', '/v1/templates/..%2F..%2Fetc', 404),
  ask('POST', '/v1/me/tokens', 400, { expires_in_days: -1 }),
  ask('DELETE', '/v1/me/tokens/pds_nothing', 404),
  ask('GET', '/v1/no-such-thing', 404),
  ask('GET', '/v1/sandboxes', 401, undefined, { key: null }),
  ask('GET', '/v1/sandboxes', 401, undefined, { key: 'pds_00000000000000000000000000000000' }),
  ask(
    'POST',
    '/v1/sandboxes',
    400,
    { template: 'base' },
    { headers: { 'idempotency-key': 'x'.repeat(300) } },
  ),
]

const everyPath: [string, string, unknown?][] = [
  ['GET', ''],
  ['DELETE', ''],
  ['POST', '/pause'],
  ['POST', '/resume'],
  ['GET', '/lifecycle'],
  ['PATCH', '/lifecycle', { ttl_seconds: 60 }],
  ['GET', '/events'],
  ['GET', '/metrics'],
  ['GET', '/logs'],
  ['POST', '/exec', { cmd: 'true' }],
  ['POST', '/exec/stream', { cmd: 'true' }],
  ['GET', '/fs?path=/etc/hostname'],
  ['PUT', '/fs?path=/etc/hostname', 'x'],
  ['DELETE', '/fs?path=/etc/hostname'],
  ['GET', '/ports'],
  ['POST', '/ports', { port: 80 }],
  ['GET', '/proxy/80/'],
  ['POST', '/preview-token', { port: 80 }],
  ['POST', '/repl/sessions', { language: 'python' }],
]

describe.skipIf(reason !== null)('bad input', () => {
  let on: Installation
  let own: Sandbox
  beforeAll(async () => {
    on = await startInstallation()
    own = await createSandbox(on)
  })
  afterEach(async () => {
    expect((await listed(on)).map(({ id, status }) => ({ id, status }))).toEqual([
      { id: own.id, status: 'running' },
    ])
    await noLeaks(on)
  })
  afterAll(async () => {
    await on?.[Symbol.asyncDispose]()
  })

  const isRefusal = (reply: Reply, { what, status }: Pick<Bad, 'what' | 'status'>): void => {
    expect(reply.status, `${what}: ${reply.text.slice(0, 200)}`).toBe(status)
    const { error } = reply.json<{ error: unknown }>()
    expect(typeof error, what).toBe('string')
    expect(String(error).length, what).toBeLessThan(1000)
  }

  test.each(Object.entries({ creates, execs, files, others }))(
    '%s that make no sense are refused',
    async (_, all) => {
      for (const bad of all) {
        const path = bad.path.replace('ID', own.id)
        isRefusal(await on.call(bad.method, path, bad.body, bad.options), bad)
      }
    },
  )

  test('the sandbox of another project, an unknown one and a malformed one look alike', async () => {
    const stranger = await on.mintKey('somebody else')
    const ids = [
      [own.id, stranger],
      [unknownId, on.key],
      ['nonsense', on.key],
      ['..%2F..%2Fetc', on.key],
      [own.id.toUpperCase(), on.key],
      ['%00', on.key],
    ]
    for (const [id, key] of ids) {
      for (const [method, rest, body] of everyPath) {
        const reply = await on.call(method, `/v1/sandboxes/${id}${rest}`, body, { key: String(key) })
        isRefusal(reply, { what: `${method} ${id}${rest}`, status: 404 })
      }
    }
    expect((await on.call('GET', '/v1/sandboxes', undefined, { key: stranger })).json()).toEqual([])
    expect(await output(on, own.id, 'cat /etc/hostname')).toBe(await output(on, own.id, 'hostname'))
  })

  test('a path with .. ends at the root of the sandbox', async () => {
    const path = encodeURIComponent('/srv/../../../../../etc/hostname')
    const { text } = await on.call('GET', `/v1/sandboxes/${own.id}/fs?path=${path}`)
    expect(text.trim()).toBe(await output(on, own.id, 'hostname'))
  })

  test('one key for two different creates is refused and makes nothing', async () => {
    const options = { headers: { 'idempotency-key': 'the-same' } }
    const first = await on.call('POST', '/v1/sandboxes', { template: 'base', ttl_seconds: 60 }, options)
    const second = await on.call('POST', '/v1/sandboxes', { template: 'base', ttl_seconds: 61 }, options)
    isRefusal(second, { what: 'another body under the same key', status: 422 })
    expect((await on.call('DELETE', `/v1/sandboxes/${first.json<Sandbox>().id}`)).status).toBe(204)
  })

  test('a command of a megabyte works', async () => {
    const result = await exec(on, own.id, `printf %s '${'ü'.repeat(500_000)}' | wc -c`)
    expect(result).toMatchObject({ stdout: '1000000\n', exit_code: 0 })
  })

  test('whoever hangs up while a sandbox is made leaves none behind', async () => {
    const hungUp = [1, 10, 30, 60, 100, 150, 250, 400].map(async (afterMs) => {
      const signal = AbortSignal.timeout(afterMs)
      const made = on.call('POST', '/v1/sandboxes', { template: 'base' }, { signal })
      const reply = await made.catch(() => null)
      if (reply?.status === 201) await on.call('DELETE', `/v1/sandboxes/${reply.json<Sandbox>().id}`)
    })
    await Promise.all(hungUp)
    await eventually(
      () => listed(on),
      (sandboxes) => sandboxes.length === 1,
    )
    await eventually(
      () => on.machines(),
      (machines) => machines.length === 1,
    )
  })

  test('whoever hangs up takes his command with him', async () => {
    const signal = AbortSignal.timeout(500)
    const paths = ['exec', 'exec/stream']
    const runs = paths.map((path) =>
      on.call('POST', `/v1/sandboxes/${own.id}/${path}`, { cmd: 'sleep 4321 & sleep 4321' }, { signal }),
    )
    for (const run of runs) await expect(run).rejects.toThrow()
    await eventually(
      () => exec(on, own.id, 'pgrep -fx "sleep 4321"'),
      ({ stdout }) => stdout === '',
    )
  })

  test('whoever hangs up in the middle of an upload leaves neither the file nor a part of it', async () => {
    const hangUp = new AbortController()
    const pieces = (async function* () {
      for (let sent = 0; sent < 40; sent++) {
        if (sent === 20) {
          await sleep(200)
          hangUp.abort()
        }
        yield Buffer.alloc(262_144, 'x')
      }
    })()
    const upload = fetch(`${on.api}/v1/sandboxes/${own.id}/fs?path=/srv/upload/big`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${on.key}` },
      body: pieces as never,
      duplex: 'half',
      signal: hangUp.signal,
    } as RequestInit)
    await expect(upload).rejects.toThrow()
    await eventually(
      () => exec(on, own.id, 'find /srv/upload -type f'),
      ({ stdout }) => stdout === '',
    )
  })
})
