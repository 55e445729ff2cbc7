// Commands, terminals and code over plain HTTP and WebSocket, as the published clients do not use them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, bytesOf, call, createBox, dial, eventsOf, key, refusedUpgrade, send } from './raw.ts'
import type { Box, Heard, Line } from './raw.ts'

let box: Box & AsyncDisposable
beforeAll(async () => {
  box = await createBox()
})
afterAll(() => box?.[Symbol.asyncDispose]())

const stream = (cmd: string, more: object = {}) =>
  send('POST', `${box.path}/exec/stream`, {
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ cmd, ...more }),
  })
const streamed = async (cmd: string, more?: object) =>
  (await bytesOf(await stream(cmd, more))).toString('latin1')
const withoutPings = (text: string) => text.replaceAll(': ping\n\n', '')

describe('exec/stream', () => {
  test('is server-sent events with nothing but line feeds and ASCII', async () => {
    const reply = await stream("printf 'a\\r\\n世界\x7f\u0085\u2028\u2029🐼'; printf e >&2")
    expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    const bytes = await bytesOf(reply)
    expect(bytes.includes('\r')).toBe(false)
    expect(bytes.every((byte) => byte < 0x7f)).toBe(true)
    const chunks = { stdout: '', stderr: '' }
    for await (const { event, data } of eventsOf([bytes] as never)) {
      if (event === 'stdout' || event === 'stderr')
        chunks[event] += (JSON.parse(data) as { chunk: string }).chunk
    }
    expect(chunks).toEqual({ stdout: 'a\r\n世界\x7f\u0085\u2028\u2029🐼', stderr: 'e' })
  })
  test('has exactly this form', async () => {
    expect(withoutPings(await streamed('echo hi; exit 3'))).toBe(
      'event: stdout\ndata: {"chunk":"hi\\n"}\n\nevent: exit\ndata: {"exit_code":3}\n\n',
    )
    expect(withoutPings(await streamed('printf é >&2'))).toBe(
      'event: stderr\ndata: {"chunk":"\\u00e9"}\n\nevent: exit\ndata: {"exit_code":0}\n\n',
    )
  })
  test('always ends with the exit, also of what was killed or timed out', async () => {
    expect(await streamed('kill -9 $$')).toMatch(/event: exit\ndata: \{"exit_code":137\}\n\n$/)
    const late = await streamed('echo x; sleep 60', { timeout_seconds: 1 })
    expect(late).toMatch(
      /event: error\ndata: \{"error":"[^"]*timeout[^"]*"\}\n\nevent: exit\ndata: \{"exit_code":-?\d+\}\n\n$/,
    )
  })
  test('never splits a character, and sends what is no text as a replacement', async () => {
    const text = await streamed(`printf '\\344\\270'; sleep 0.5; printf '\\226|'; printf '\\377|'`)
    const chunks = [...text.matchAll(/data: (\{"chunk.*)/g)].map(
      ([, json = '']) => (JSON.parse(json) as { chunk: string }).chunk,
    )
    expect(chunks.join('')).toBe('世|\ufffd|')
  })
  test('shows life with comments while the command is silent', async () => {
    const text = await streamed('sleep 11')
    expect(text).toContain(': ping\n\n')
    expect(withoutPings(text)).toBe('event: exit\ndata: {"exit_code":0}\n\n')
  })
  test('comes as it is written, and a client that hangs up ends the command', async () => {
    const reply = await stream('echo $$; sleep 300')
    const first = await eventsOf(reply).next()
    const pid = Number(JSON.parse((first.value as { data: string }).data).chunk)
    expect((await box.exec(`kill -0 ${pid}`)).exit_code).toBe(0)
    reply.destroy()
    await expect.poll(async () => (await box.exec(`kill -0 ${pid}`)).exit_code, { timeout: 10_000 }).toBe(1)
  })
})

describe('exec/ws', () => {
  const collect = async (line: Line, ids: unknown[]) => {
    const open = new Set(ids)
    const all: Record<string, unknown>[] = []
    await line.until((heard) => {
      const message = JSON.parse((heard as { text: string }).text)
      all.push(message)
      if ('exit' in message || 'error' in message) open.delete(message.id)
      return open.size === 0
    })
    return (id: unknown) => ({
      stdout: all
        .filter((one) => one['id'] === id && one['stream'] === 'stdout')
        .map((one) => one['data'])
        .join(''),
      stderr: all
        .filter((one) => one['id'] === id && one['stream'] === 'stderr')
        .map((one) => one['data'])
        .join(''),
      end: all.findLast((one) => one['id'] === id),
    })
  }
  test('runs several commands in one socket, told apart by their ids', async () => {
    const line = await dial(`${box.path}/exec/ws`)
    line.sendJson({ id: 'slow', cmd: 'sleep 0.5; echo slow; exit 4' })
    line.sendJson({ id: 7, cmd: 'echo fast; echo 世 >&2' })
    const of = await collect(line, ['slow', 7])
    expect(of('slow')).toEqual({ stdout: 'slow\n', stderr: '', end: { id: 'slow', exit: 4 } })
    expect(of(7)).toEqual({ stdout: 'fast\n', stderr: '世\n', end: { id: 7, exit: 0 } })
    line.close()
  })
  test('cancels one command and leaves the others, keeps deadlines, refuses nonsense', async () => {
    const line = await dial(`${box.path}/exec/ws`)
    line.sendJson({ id: 'a', cmd: 'sleep 300' })
    line.sendJson({ id: 'b', cmd: 'sleep 1; echo b' })
    line.sendJson({ id: 'c', cmd: 'sleep 300', timeout_seconds: 1 })
    line.sendJson({ id: 'd' })
    line.send('not json')
    line.sendJson({ id: 'a', cmd: 'echo twice' })
    line.sendJson({ id: 'a', cancel: true })
    const of = await collect(line, ['a', 'b', 'c', 'd', null])
    expect(of('b')).toMatchObject({ stdout: 'b\n', end: { id: 'b', exit: 0 } })
    expect(of('c').end).toMatchObject({ error: expect.stringContaining('timeout') })
    expect(of('d').end).toMatchObject({ error: expect.any(String) })
    expect(of(null).end).toMatchObject({ error: expect.any(String) })
    expect(of('a').end).toHaveProperty('error')
    line.close()
    await expect.poll(async () => (await box.exec('pgrep -x sleep | wc -l')).stdout.trim()).toBe('0')
  })
  test('is for WebSockets with a key only', async () => {
    expect((await ask('GET', `${box.path}/exec/ws`)).status).toBe(400)
    expect(await refusedUpgrade(`${box.path}/exec/ws`, {})).toBe(401)
    expect(await refusedUpgrade('/v1/sandboxes/none/exec/ws', { authorization: `Bearer ${key()}` })).toBe(404)
  })
})

const screen = (all: Heard[]) =>
  Buffer.concat(all.flatMap((heard) => ('bytes' in heard ? [heard.bytes] : []))).toString('utf8')
const shows = (text: string) => (_heard: Heard, all: Heard[]) => screen(all).includes(text)

describe.each(['exec/pty', 'ssh'])('%s', (path) => {
  test('has the size asked for, takes another, takes text and bytes, and tells the exit last', async () => {
    const line = await dial(`${box.path}/${path}?rows=31&cols=97`)
    line.sendJson({ stdin: 'stty size; echo "o"k\n' })
    expect(screen(await line.until(shows('ok\r\n')))).toContain('31 97')
    line.sendJson({ resize: { rows: 40, cols: 120 } })
    await expect
      .poll(async () => {
        line.send(Buffer.from('stty size; echo d"o"ne\n'))
        return screen(await line.until(shows('done\r\n')))
      })
      .toContain('40 120')
    line.send('no json at all')
    line.sendJson({ resize: { rows: -5, cols: 1e9 } })
    line.sendJson({ stdin: 'echo 世"界"; exit 9\n' })
    const rest = await line.until((heard) => 'text' in heard)
    expect(screen(rest)).toContain('世界')
    expect(rest.at(-1)).toEqual({ text: '{"exit":9}' })
    expect(await line.closed).toBe(1000)
  })
  test('takes the key as access_token, and a wrong one not', async () => {
    const line = await dial(`${box.path}/${path}?access_token=${key()}&rows=20`, {})
    line.send(Buffer.from('exit 0\n'))
    await line.until((heard) => 'text' in heard)
    expect(await refusedUpgrade(`${box.path}/${path}?access_token=pds_${'0'.repeat(32)}`, {})).toBe(401)
    expect(await refusedUpgrade(`${box.path}/${path}?rows=0`, { authorization: `Bearer ${key()}` })).toBe(400)
  })
  test('ends the shell when the client leaves', async () => {
    const line = await dial(`${box.path}/${path}`)
    line.sendJson({ stdin: 'echo "pid=$$""."\n' })
    const pidOf = (all: Heard[]) => /pid=(\d+)\./.exec(screen(all))?.[1]
    const pid = pidOf(await line.until((_heard, all) => pidOf(all) !== undefined))
    expect(Number(pid)).toBeGreaterThan(0)
    line.close()
    await expect.poll(async () => (await box.exec(`kill -0 ${pid}`)).exit_code, { timeout: 10_000 }).toBe(1)
  })
})

describe('code', () => {
  test('contexts are listed, run, and gone when deleted', async () => {
    const sessions = `${box.path}/repl/sessions`
    const made = (await call('POST', sessions, { language: 'python' })).body
    expect(made).toMatchObject({ sandbox_id: box.id, language: 'python', created_at: expect.any(String) })
    expect((await call('GET', sessions)).body.map((one: { id: string }) => one.id)).toEqual([made.id])
    const ran = await call('POST', `${sessions}/${made.id}/run`, { code: 'x = "世"\nprint(x)\nx' })
    expect(ran.body).toMatchObject({ stdout: '世\n', exit: 0, exit_code: 0 })
    const failed = await call('POST', `${sessions}/${made.id}/run`, { code: '1/0' })
    expect(failed).toMatchObject({
      status: 200,
      body: { exit: 1, error: expect.stringContaining('ZeroDivision') },
    })
    expect((await call('DELETE', `${sessions}/${made.id}`)).status).toBe(204)
    expect((await call('DELETE', `${sessions}/${made.id}`)).status).toBe(404)
    expect((await call('GET', sessions)).body).toEqual([])
  })
  test('a repeated Idempotency-Key starts no second context', async () => {
    const make = () => call('POST', `${box.path}/repl/sessions`, {}, { 'idempotency-key': 'one-context' })
    const [first, second] = [await make(), await make()]
    expect([first.status, second.body.id]).toEqual([201, first.body.id])
    await call('DELETE', `${box.path}/repl/sessions/${first.body.id}`)
  })
  test('runs once in every language that is listed', async () => {
    const { languages } = (await call('GET', '/v1/repl/languages')).body
    const ids = languages.map((one: { id: string }) => one.id)
    expect(ids).toEqual(['python', 'javascript', 'bash'])
    const code = { python: 'print(40+2)', javascript: 'console.log(40+2)', bash: 'echo $((40+2))' }
    for (const [language, text] of Object.entries(code)) {
      const ran = await call('POST', `${box.path}/repl`, { language, code: text })
      expect(ran.body).toMatchObject({ language, stdout: '42\n', stderr: '', exit_code: 0 })
    }
    expect((await call('POST', `${box.path}/repl`, { language: 'cobol', code: '' })).status).toBe(400)
    expect((await call('POST', `${box.path}/repl`, { code: 'while 1: pass', timeout_ms: 500 })).status).toBe(
      504,
    )
  })
})
