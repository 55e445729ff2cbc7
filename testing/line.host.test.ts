// The whole line once, on the real engine: HTTP, control plane, agent, driver, guest agent.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import { run } from '@pandastack/kit/process/run.ts'
import { startInstallation, whyNot, type Installation } from './installation.ts'
import { createSandbox, eventually, exec, found, noLeaks, output, removeSandbox } from './sandboxes.ts'

const reason = await whyNot()
if (reason !== null) console.warn(`skipped: ${reason}`)

describe.skipIf(reason !== null)('a sandbox over HTTP', () => {
  let on: Installation
  let first: Sandbox
  let second: Sandbox
  beforeAll(async () => {
    on = await startInstallation()
    first = await createSandbox(on)
    second = await createSandbox(on)
  })
  afterAll(async () => {
    await on?.[Symbol.asyncDispose]()
  })

  test('the first create of a template boots it, the next one restores it, both behind their own kernel', () => {
    expect([first.boot_mode, second.boot_mode]).toEqual(['cold', 'snapshot'])
    expect([first.tier, second.tier]).toEqual(['user-kernel', 'user-kernel'])
    expect(first.boot_ms).toBeGreaterThan(0)
  })

  test('a command gives its output, its errors and its exit code', async () => {
    const result = await exec(on, first.id, 'echo "grüße 🐼"; echo oops >&2; exit 7')
    expect(result).toMatchObject({ stdout: 'grüße 🐼\n', stderr: 'oops\n', exit_code: 7 })
    expect(await output(on, first.id, "python -c 'print(2 + 2)'")).toBe('4')
    expect(await output(on, first.id, 'node -p 6*7')).toBe('42')
  })

  test('a command that takes too long is ended and said to have timed out', async () => {
    const reply = await on.call('POST', `/v1/sandboxes/${first.id}/exec`, {
      cmd: 'sleep 1001 & sleep 1000',
      timeout_seconds: 1,
    })
    expect(reply.status).toBe(504)
    expect(reply.text).toContain('timeout')
    expect((await exec(on, first.id, 'pgrep -f "sleep 100[01]"')).stdout).toBe('')
  })

  test('a stream gives output as it comes and the exit last', async () => {
    const body = { cmd: 'for i in 1 2 3; do echo $i; sleep 0.1; done; exit 5' }
    const { text, status } = await on.call('POST', `/v1/sandboxes/${first.id}/exec/stream`, body)
    expect(status).toBe(200)
    const events = text.split('\n\n').filter((event) => event.startsWith('event:'))
    expect(events.slice(0, 3)).toEqual([1, 2, 3].map((i) => `event: stdout\ndata: {"chunk":"${i}\\n"}`))
    expect(events.at(-1)).toBe('event: exit\ndata: {"exit_code":5}')
  })

  test('files keep their bytes, both ways, and are gone when deleted', async () => {
    const bytes = randomBytes(3_000_001)
    const path = `/v1/sandboxes/${first.id}/fs?path=${encodeURIComponent('/srv/new dir/ü.bin')}`
    const written = await on.call('PUT', path, bytes)
    expect(written.json()).toEqual({ path: '/srv/new dir/ü.bin', bytes: bytes.length })
    const read = await fetch(on.api + path, { headers: { authorization: `Bearer ${on.key}` } })
    expect(bytes.equals(Buffer.from(await read.arrayBuffer()))).toBe(true)
    const listing = await on.call('GET', path.replace('/fs?', '/fs/dir?').replace('%2F%C3%BC.bin', ''))
    expect(listing.json()).toMatchObject({ entries: [{ name: 'ü.bin', size: bytes.length, is_dir: false }] })
    expect((await on.call('DELETE', path)).status).toBe(204)
    expect((await on.call('GET', path)).status).toBe(404)
  })

  test('a terminal is a terminal, and tells the exit code of its shell', async () => {
    const socket = new WebSocket(
      `${on.api.replace('http', 'ws')}/v1/sandboxes/${first.id}/ssh?rows=31&cols=77&access_token=${on.key}`,
    )
    socket.binaryType = 'arraybuffer'
    let shown = ''
    let exit: unknown
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') exit = JSON.parse(data)
      else shown += Buffer.from(data as ArrayBuffer).toString('utf8')
    })
    await once(socket, 'open')
    socket.send(Buffer.from('stty size; tty -s && echo is-a-$((1+1))-tty; exit 3\n'))
    await once(socket, 'close')
    expect(shown).toContain('31 77')
    expect(shown).toContain('is-a-2-tty')
    expect(exit).toEqual({ exit: 3 })
  })

  test('two sandboxes of one snapshot have nothing in common that tells them apart', async () => {
    const facts = [
      'hostname',
      'cat /etc/hostname',
      'cat /etc/machine-id',
      'cat /run/pandastack/generation',
      'head -c 16 /dev/urandom | od -An -tx1',
      "python3 -c 'import secrets; print(secrets.token_hex(16))'",
      "python3 -c 'import uuid; print(uuid.uuid4())'",
      'openssl rand -hex 16',
    ]
    for (const fact of facts) {
      const said = await Promise.all([first, second].map(({ id }) => output(on, id, fact)))
      expect(said[0], fact).not.toBe('')
      expect(said[0], fact).not.toBe(said[1])
    }
    expect(await output(on, first.id, 'getent hosts $(hostname) | wc -l')).toBe('1')
  })

  test('the clock inside is the clock outside, for years and for what goes by', async () => {
    const before = Date.now()
    const [start, end] = (await output(on, second.id, 'date +%s%3N; sleep 1; date +%s%3N'))
      .split('\n')
      .map(Number)
    expect(Math.abs((start as number) - before)).toBeLessThan(2000)
    expect((end as number) - (start as number)).toBeGreaterThanOrEqual(995)
    expect((end as number) - (start as number)).toBeLessThan(Date.now() - before + 20)
  })

  test('nothing private can be reached from inside: host, metadata, neighbours, private ranges', async () => {
    let reached = 0
    const server = createServer((socket) => {
      reached += 1
      socket.end('reached')
    })
    server.listen(0, '0.0.0.0')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const own = Object.values(networkInterfaces()).flatMap((all = []) =>
      all.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
    )
    const [gateway = ''] = (await output(on, first.id, "ip route | awk '/default/ {print $3}'")).split('\n')
    const slots = `10.${201 + Number(gateway.split('.')[2])}.0`
    const targets = [
      ...own.map((address) => `${address} ${port}`),
      `${gateway} ${port}`,
      ...[22, 80, 443, 4280, 5432, 49_983].map((closed) => `${gateway} ${closed}`),
      ...Array.from({ length: 24 }, (_, slot) => `${slots}.${slot + 1} 49983`),
      '169.254.169.254 80',
      ...[
        '10.0.0.1',
        '10.255.255.254',
        '172.16.0.1',
        '172.31.0.1',
        '192.168.0.1',
        '192.168.1.1',
        '100.64.0.1',
      ].map((address) => `${address} 80`),
    ]
    try {
      const said = await output(
        on,
        first.id,
        `python3 - ${targets.map((t) => `'${t}'`).join(' ')} <<'PY'\n${dial}\nPY`,
      )
      const open = said.split('\n').filter((line) => !line.endsWith(' closed'))
      // The sandbox's own agent is the control: were the dialling broken, it would be closed as well.
      expect(open).toEqual(['127.0.0.1 49983 open'])
      expect(reached).toBe(0)
    } finally {
      server.close()
    }
  })

  test('pip installs a package from the registry that this host uses', async ({ skip }) => {
    const probe = await run(
      'python3',
      ['-m', 'pip', 'download', '--no-deps', '--no-cache-dir', '-d', '/dev/shm', 'six'],
      {
        deadlineMs: 30_000,
        env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root', ...pipSettings() },
      },
    )
    if (probe.exitCode !== 0)
      skip(`this host reaches no package registry: ${probe.stderr.trim().slice(-200)}`)
    const env = pipSettings()
    const installed = await exec(on, second.id, 'pip install --break-system-packages --no-cache-dir six', {
      env,
    })
    expect(installed.stderr + installed.stdout).toContain('Successfully installed six')
    expect(await output(on, second.id, "python3 -c 'import six; print(six.__name__)'")).toBe('six')
  })

  test('what was deleted is gone for everybody, and nothing of it is left', async () => {
    const doomed = await createSandbox(on)
    await removeSandbox(on, doomed.id)
    expect(await found(on, doomed.id)).toBeNull()
    expect((await on.call('POST', `/v1/sandboxes/${doomed.id}/exec`, { cmd: 'true' })).status).toBe(404)
    expect((await on.call('DELETE', `/v1/sandboxes/${doomed.id}`)).status).toBe(404)
    await eventually(
      () => on.machines(),
      (machines) => machines.every(({ sandboxId }) => sandboxId !== doomed.id),
    )
    await noLeaks(on)
  })
})

/** Dials all its arguments at once, and the sandbox's own agent. */
const dial = `
import socket, sys, concurrent.futures as f
def dial(target):
    host, port = target.split()
    try:
        socket.create_connection((host, int(port)), 2.5).close()
        return target + ' open'
    except OSError:
        return target + ' closed'
with f.ThreadPoolExecutor(64) as pool:
    print('\\n'.join(pool.map(dial, sys.argv[1:] + ['127.0.0.1 49983'])))
`

/** How this host's pip finds its registry: from its environment alone, since files of the host are not inside. */
const pipSettings = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined &&
      /^(PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST)|https?_proxy|no_proxy)$/i.test(name)
        ? [[name, value]]
        : [],
    ),
  )
