// Files over plain HTTP: what the published clients cannot do (binary reads, delete, move, any size).

import { createCipheriv, createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, begin, call, createBox, send } from './raw.ts'
import type { Box } from './raw.ts'

let box: Box & AsyncDisposable
beforeAll(async () => {
  box = await createBox()
})
afterAll(() => box?.[Symbol.asyncDispose]())

const fs = (path: string, what = '') => `${box.path}/fs${what}?path=${encodeURIComponent(path)}`
const put = (path: string, body: string | Buffer) =>
  ask('PUT', fs(path), { body, headers: { 'content-type': 'application/octet-stream' } })

test('all bytes come back as they went', async () => {
  const bytes = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i ^ (i >> 8)) & 255))
  expect((await put('/tmp/bin', bytes)).body).toEqual({ path: '/tmp/bin', bytes: bytes.length })
  const back = await ask('GET', fs('/tmp/bin'))
  expect(back.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-length': String(bytes.length),
  })
  expect(back.bytes.equals(bytes)).toBe(true)
  expect((await put('/tmp/none', '')).body).toEqual({ path: '/tmp/none', bytes: 0 })
  expect((await ask('GET', fs('/tmp/none'))).bytes).toHaveLength(0)
})

test('a plus in the query is a space, and %2B a plus', async () => {
  const body = 'x'
  expect((await ask('PUT', `${box.path}/fs?path=/tmp/q/a+b%2Bc`, { body })).body.path).toBe('/tmp/q/a b+c')
  const { body: dir } = await call('GET', fs('/tmp/q', '/dir'))
  expect(dir.entries.map((entry: { name: string }) => entry.name)).toEqual(['a b+c'])
  expect((await ask('GET', `${box.path}/fs?path=/tmp/q/a+b%2Bc`)).text).toBe('x')
})

test('directories are made, listed, described, renamed and deleted', async () => {
  expect((await call('POST', `${box.path}/fs/mkdir`, { path: '/tmp/d/e/f' })).status).toBe(204)
  expect((await call('GET', fs('/tmp/d/e/f', '/dir'))).body).toEqual({ path: '/tmp/d/e/f', entries: [] })
  await put('/tmp/d/e/file', 'twelve bytes')
  expect((await call('GET', fs('/tmp/d/e/file', '/stat'))).body).toMatchObject({
    name: 'file',
    is_dir: false,
    size: 12,
    mtime: expect.any(Number),
  })
  const { body } = await call('GET', fs('/tmp/d/e', '/dir'))
  expect(body.path).toBe('/tmp/d/e')
  expect(body.entries.map((one: { name: string; is_dir: boolean }) => [one.name, one.is_dir])).toEqual([
    ['f', true],
    ['file', false],
  ])
  const move = { from: '/tmp/d/e', to: '/tmp/d/ü' }
  expect((await call('POST', `${box.path}/fs/rename`, move)).status).toBe(204)
  expect((await call('GET', fs('/tmp/d/e', '/stat'))).status).toBe(404)
  expect((await ask('GET', fs('/tmp/d/ü/file'))).text).toBe('twelve bytes')
  expect((await call('DELETE', fs('/tmp/d'))).status).toBe(204)
  expect((await call('GET', fs('/tmp/d', '/stat'))).status).toBe(404)
})

test('what is missing is 404, what is no path 400, and never a 500', async () => {
  for (const what of ['', '/dir', '/stat']) {
    const answer = await call('GET', fs('/tmp/missing', what))
    expect([what, answer.status, typeof answer.body.error]).toEqual([what, 404, 'string'])
    expect((await call('GET', `${box.path}/fs${what}?path=%00`)).status).toBe(400)
    expect((await call('GET', fs(`/${'a'.repeat(5000)}`, what))).status).toBe(400)
  }
  expect((await call('DELETE', fs('/tmp/missing'))).status).toBe(404)
  expect((await call('GET', `${box.path}/fs`)).status).toBe(400)
  expect((await call('GET', fs('/tmp'))).status).toBe(400)
  expect((await call('PUT', `${box.path}/fs`, 'x')).status).toBe(400)
  expect((await put('/proc/version', 'x')).status).toBeLessThan(500)
  expect((await call('POST', `${box.path}/fs/rename`, { from: '/tmp/missing', to: '/tmp/x' })).status).toBe(
    404,
  )
  expect((await call('POST', `${box.path}/fs/mkdir`, { path: 7 })).status).toBe(400)
})

test('dots stay inside the sandbox', async () => {
  await put('/tmp/dots/file', 'inside')
  expect((await ask('GET', fs('/tmp/../../../../tmp/dots/./x/../file'))).text).toBe('inside')
  const own = (await box.exec('cat /etc/hostname')).stdout
  expect((await ask('GET', fs('/../../../etc/hostname'))).text).toBe(own)
})

/** The same bytes every time, without a pattern. */
const noise = (sizeBytes: number): Readable => {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16))
  const zeros = Buffer.alloc(1_048_576)
  let left = sizeBytes
  return new Readable({
    read() {
      if (left === 0) return void this.push(null)
      const piece = zeros.subarray(0, Math.min(left, zeros.length))
      left -= piece.length
      this.push(cipher.update(piece))
    },
  })
}

const sumOf = async (stream: Readable): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(stream, hash)
  return hash.digest('hex')
}

test('200 MB go in and out as streams, whole', async () => {
  const sizeBytes = 200 * 1024 * 1024
  const sum = await sumOf(noise(sizeBytes))
  const up = await ask('PUT', fs('/var/tmp/big'), { body: noise(sizeBytes) })
  expect(up.body).toEqual({ path: '/var/tmp/big', bytes: sizeBytes })
  expect((await box.exec('sha256sum < /var/tmp/big')).stdout).toContain(sum)
  const down = await send('GET', fs('/var/tmp/big'))
  expect(down.headers['content-length']).toBe(String(sizeBytes))
  expect(await sumOf(down)).toBe(sum)
  await call('DELETE', fs('/var/tmp/big'))
})

test('an upload whose client goes away leaves the old file as it was', async () => {
  await put('/tmp/kept', 'old')
  const cut = begin('PUT', fs('/tmp/kept'), { 'content-length': '1000' })
  cut.on('error', () => undefined)
  cut.write('only the beginning')
  cut.destroy()
  await put('/tmp/other', 'later')
  expect((await ask('GET', fs('/tmp/kept'))).text).toBe('old')
})
