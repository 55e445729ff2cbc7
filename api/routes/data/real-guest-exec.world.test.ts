// Commands, terminals and code contexts in front of the real guest agent, which runs as an ordinary process of this machine.

import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startDataWorld } from '@pandastack/testing/data-world.ts'
import type { DataWorld } from '@pandastack/testing/data-world.ts'
import { findGo, startGuestd } from '@pandastack/testing/guestd.ts'
import type { Guestd } from '@pandastack/testing/guestd.ts'

const go = findGo()
if (!go)
  console.log(
    'skipped: real-guest-exec.world.test.ts, because there is no Go compiler to build the agent with',
  )

describe.skipIf(!go)('with the real agent', () => {
  const stack = new AsyncDisposableStack()
  let guest: Guestd
  let it: DataWorld

  beforeAll(async () => {
    guest = stack.use(await startGuestd(go ?? ''))
    it = stack.use(await startDataWorld(guest.port))
  })
  afterAll(() => stack.disposeAsync())

  const call = async (method: string, path: string, body?: unknown) => {
    const reply = await fetch(`${it.sandboxUrl}${path}`, {
      method,
      headers: { ...it.auth, ...(body !== undefined && { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await reply.text()
    const isJson = reply.headers.get('content-type')?.startsWith('application/json') ?? false
    return { status: reply.status, text, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} }
  }

  const socket = async (path: string): Promise<WebSocket> => {
    const ws = new WebSocket(`${it.sandboxUrl.replace('http', 'ws')}${path}`, { headers: it.auth })
    await once(ws, 'open')
    return ws
  }

  describe('a command', () => {
    test('gives its output, its exit code and the time it took', async () => {
      const { status, body } = await call('POST', '/exec', { cmd: 'echo é; echo err >&2; exit 3' })
      expect(status).toBe(200)
      expect(body).toMatchObject({ stdout: 'é\n', stderr: 'err\n', exit_code: 3 })
      expect(typeof body['duration_ms']).toBe('number')
    })

    test('gets its environment and working directory', async () => {
      const { body } = await call('POST', '/exec', { cmd: 'echo $A; pwd', env: { A: 'b c' }, cwd: '/usr' })
      expect(body['stdout']).toBe('b c\n/usr\n')
    })

    test('beyond its time is ended with everything it started, and told as a timeout', async () => {
      const marker = join(guest.folder, 'late')
      const cmd = `(sleep 0.6; touch ${marker}) & sleep 30`
      const { status, body } = await call('POST', '/exec', { cmd, timeout_seconds: 0.2 })
      expect(status).toBe(504)
      expect(body['error']).toMatch(/timeout/)
      await call('POST', '/exec', { cmd: 'sleep 0.8' })
      expect(existsSync(marker)).toBe(false)
    })

    test('of a megabyte runs', async () => {
      const { body } = await call('POST', '/exec', { cmd: `printf %s '${'x'.repeat(1024 * 1024)}' | wc -c` })
      expect(String(body['stdout']).trim()).toBe('1048576')
    })

    test.each([
      [{ cmd: '' }],
      [{}],
      [{ cmd: 5 }],
      [{ cmd: 'true', timeout_seconds: -1 }],
      [{ cmd: 'true', timeout_seconds: 'x' }],
      [{ cmd: 'true', cwd: '/nowhere' }],
      [{ cmd: 'true', user: 'nobody-of-that-name' }],
    ])('that makes no sense is refused: %j', async (request) => {
      for (const path of ['/exec', '/exec/stream']) {
        const { status, body } = await call('POST', path, request)
        expect(status).toBe(400)
        expect(typeof body['error']).toBe('string')
      }
    })

    test('is ended when its client hangs up', async () => {
      const marker = join(guest.folder, 'hung-up')
      const abort = new AbortController()
      const reply = await fetch(`${it.sandboxUrl}/exec/stream`, {
        method: 'POST',
        headers: { ...it.auth, 'content-type': 'application/json' },
        body: JSON.stringify({ cmd: `echo started; sleep 0.5; touch ${marker}` }),
        signal: abort.signal,
      })
      await reply.body!.getReader().read()
      abort.abort()
      await call('POST', '/exec', { cmd: 'sleep 0.8' })
      expect(existsSync(marker)).toBe(false)
      await expect.poll(() => it.uses()).toBe(0)
    })

    test('streams its output and then its exit', async () => {
      const { text } = await call('POST', '/exec/stream', {
        cmd: 'printf "a\\302\\240b"; echo c >&2; exit 4',
      })
      expect(text).toContain('event: stdout\ndata: {"chunk":"a\\u00a0b"}\n\n')
      expect(text).toContain('event: stderr\ndata: {"chunk":"c\\n"}\n\n')
      expect(text.endsWith('event: exit\ndata: {"exit_code":4}\n\n')).toBe(true)
    })

    test('that streams beyond its time ends with an error and an exit', async () => {
      const { text } = await call('POST', '/exec/stream', { cmd: 'echo a; sleep 30', timeout_seconds: 0.2 })
      expect(text).toMatch(/event: error\ndata: \{"error":"command timeout.*\n\nevent: exit\n.*124\}\n\n$/)
    })
  })

  describe('commands on one socket', () => {
    test('run beside each other, and one can be cancelled', async () => {
      const ws = await socket('/exec/ws')
      const seen: Record<string, unknown>[] = []
      const finished = Promise.withResolvers<void>()
      ws.on('message', (data) => {
        const message = JSON.parse(String(data)) as Record<string, unknown>
        seen.push(message)
        if (message['id'] === 'fast' && 'exit' in message) ws.send('{"id":"slow","cancel":true}')
        if (message['id'] === 'slow' && 'error' in message) finished.resolve()
      })
      ws.send(JSON.stringify({ id: 'slow', cmd: 'sleep 30' }))
      ws.send(JSON.stringify({ id: 'fast', cmd: 'echo out; echo err >&2; exit 5' }))
      ws.send('no JSON')
      ws.send('{"id":"empty"}')
      await finished.promise
      expect(seen).toContainEqual({ id: 'fast', stream: 'stdout', data: 'out\n' })
      expect(seen).toContainEqual({ id: 'fast', stream: 'stderr', data: 'err\n' })
      expect(seen).toContainEqual({ id: 'fast', exit: 5 })
      expect(seen).toContainEqual({ id: 'slow', error: 'cancelled' })
      expect(seen).toContainEqual(expect.objectContaining({ id: null, error: expect.any(String) }))
      expect(seen).toContainEqual(expect.objectContaining({ id: 'empty', error: expect.any(String) }))
      ws.close()
      await expect.poll(() => it.uses()).toBe(0)
    })
  })

  describe('a terminal', () => {
    const conversation = async (path: string, say: (ws: WebSocket) => void) => {
      const ws = await socket(path)
      let bytes = ''
      const texts: string[] = []
      ws.on('message', (data, isBinary) => {
        if (isBinary) bytes += String(data)
        else texts.push(String(data))
      })
      say(ws)
      await once(ws, 'close')
      return { bytes, texts }
    }

    test('shows what is typed and run, and tells the exit after all of it', async () => {
      const { bytes, texts } = await conversation('/ssh?rows=30&cols=100', (ws) => {
        ws.send(Buffer.from('stty size; exit 7\n'))
      })
      expect(bytes).toContain('30 100')
      expect(texts).toEqual(['{"exit":7}'])
    })

    test('is resized, and takes text as well as bytes', async () => {
      const { bytes } = await conversation('/exec/pty?rows=30&cols=100', (ws) => {
        ws.send('{"resize":{"rows":11,"cols":22}}')
        ws.send('nonsense')
        setTimeout(() => ws.send(JSON.stringify({ stdin: 'stty size; exit\n' })), 200)
      })
      expect(bytes).toContain('11 22')
    })

    test('ends its shell when the client leaves', async () => {
      const ws = await socket('/ssh')
      const marker = join(guest.folder, 'left')
      ws.send(Buffer.from(`sleep 0.5; touch ${marker}\n`))
      await once(ws, 'message')
      ws.terminate()
      await call('POST', '/exec', { cmd: 'sleep 0.8' })
      expect(existsSync(marker)).toBe(false)
      await expect.poll(() => it.uses()).toBe(0)
    })

    test('accepts the key in the query, and nobody without a key', async () => {
      const url = `${it.sandboxUrl.replace('http', 'ws')}/ssh`
      const ws = new WebSocket(`${url}?access_token=${it.key}`)
      await once(ws, 'open')
      ws.terminate()
      const stranger = new WebSocket(url)
      const [error] = (await once(stranger, 'error')) as [Error]
      expect(error.message).toMatch(/401/)
    })
  })

  describe('a code context', () => {
    const start = async (language: string): Promise<string> => {
      const { status, body } = await call('POST', '/repl/sessions', { language })
      expect(status).toBe(201)
      expect(body).toMatchObject({ sandbox_id: it.sandboxId, language })
      return `/repl/sessions/${String(body['id'])}`
    }
    const run = (session: string, code: string, timeout_ms?: number) =>
      call('POST', `${session}/run`, { code, ...(timeout_ms !== undefined && { timeout_ms }) })

    test('of Python keeps its state, captures all output and shows values', async () => {
      const session = await start('python')
      await run(session, 'x = "é" * 3')
      const { body } = await run(
        session,
        'import os\nprint(x)\nos.system("echo child; echo err >&2")\nlen(x)',
      )
      expect(body).toMatchObject({ stdout: 'ééé\nchild\n', stderr: 'err\n', exit: 0, exit_code: 0 })
      expect(body['results']).toEqual([{ 'text/plain': '3' }])
      const failed = await run(session, 'def f():\n  return 1/0\nf()')
      expect(failed.body).toMatchObject({ exit: 1, results: [] })
      expect(failed.body['error']).toMatch(
        /^Traceback[^]*return 1\/0[^]*ZeroDivisionError: division by zero\n$/,
      )
      expect((await call('DELETE', session)).status).toBe(204)
    })

    test('that runs too long is interrupted and keeps its state', async () => {
      const session = await start('python')
      await run(session, 'x = 1')
      const { status, body } = await run(session, 'while True: pass', 200)
      expect(status).toBe(504)
      expect(body['error']).toMatch(/timeout/)
      expect((await run(session, 'x')).body['results']).toEqual([{ 'text/plain': '1' }])
    })

    test('that cannot be interrupted is ended', async () => {
      const session = await start('python')
      const stubborn = 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass'
      const { status, body } = await run(session, stubborn, 200)
      expect([status, body['error']]).toEqual([504, expect.stringMatching(/its session was ended/)])
      await expect.poll(async () => (await run(session, '1')).status).toBe(404)
    })

    test('takes cells one after another', async () => {
      const session = await start('python')
      const cells = ['a = [1]\nimport time; time.sleep(0.1)', 'a.append(2)', 'a']
      const replies = await Promise.all(cells.map((code) => run(session, code)))
      expect(replies.at(-1)?.body['results']).toEqual([{ 'text/plain': '[1, 2]' }])
    })

    test('is found again by a server that has forgotten it', async () => {
      const session = await start('python')
      await run(session, 'x = 42\nprint("y" * 100000)')
      await using other = await startDataWorld(guest.port)
      const url = `${other.sandboxUrl}${session}/run`
      const headers = { ...other.auth, 'content-type': 'application/json' }
      const reply = await fetch(url, { method: 'POST', headers, body: '{"code":"x"}' })
      expect(((await reply.json()) as { results: unknown }).results).toEqual([{ 'text/plain': '42' }])
    })

    test('of JavaScript knows await at the top and keeps its state', async () => {
      const session = await start('javascript')
      await run(session, 'const x = await Promise.resolve(20)')
      const { body } = await run(session, 'console.log("é"); ({ a: x + 1 })')
      expect(body).toMatchObject({ stdout: 'é\n', exit: 0, results: [{ 'text/plain': '{ a: 21 }' }] })
      expect((await run(session, 'missing')).body['error']).toMatch(/^ReferenceError: missing is not defined/)
      expect((await run(session, 'while (true);', 200)).status).toBe(504)
      expect((await run(session, 'x')).body['results']).toEqual([{ 'text/plain': '20' }])
    })

    test('that is none is not found, and a language that is none is refused', async () => {
      expect((await run('/repl/sessions/nothing', '1')).status).toBe(404)
      expect((await call('DELETE', '/repl/sessions/nothing')).status).toBe(404)
      expect((await call('POST', '/repl/sessions', { language: 'cobol' })).status).toBe(400)
      expect((await call('POST', '/repl/sessions', { language: 'bash' })).status).toBe(400)
      expect((await call('POST', '/repl', { language: 'bash', code: 'echo $((2+3))' })).body['stdout']).toBe(
        '5\n',
      )
    })

    test('is started once for a request that is repeated', async () => {
      const repeat = async (language: string) =>
        fetch(`${it.sandboxUrl}/repl/sessions`, {
          method: 'POST',
          headers: { ...it.auth, 'content-type': 'application/json', 'idempotency-key': 'once' },
          body: JSON.stringify({ language }),
        })
      const first = (await (await repeat('python')).json()) as { id: string }
      const again = (await (await repeat('python')).json()) as { id: string }
      expect(again.id).toBe(first.id)
      expect((await repeat('javascript')).status).toBe(422)
      expect((await run(`/repl/sessions/${first.id}`, '1')).body['results']).toEqual([{ 'text/plain': '1' }])
    })

    test('stays out of the logs', async () => {
      const session = await start('python')
      await run(session, 'print("not for the " + "logs")')
      expect((await call('GET', '/logs')).text).not.toContain('not for the logs')
    })
  })
})
