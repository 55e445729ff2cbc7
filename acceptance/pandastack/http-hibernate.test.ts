// Sleep and waking over plain HTTP: on demand, by itself, and by whatever request comes first.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { countOf, expectTicking, startCounter, statusOf } from './counter.ts'
import type { Count } from './counter.ts'
import { ask, boxOf, bytesOf, call, createBox, send } from './raw.ts'
import type { Answer, Box } from './raw.ts'

let box: Box & AsyncDisposable
let before: Count
beforeEach(async () => {
  box = await createBox({ template: 'base' })
  before = await startCounter(box)
  await box.exec('echo disk > /root/kept; echo memory > /tmp/kept')
})
afterEach(() => box?.[Symbol.asyncDispose]())

const anyone = '00000000-0000-4000-8000-000000000000'
const refused = ({ status, body }: Answer) => [status, typeof body.error]

const sleepNow = async (verb = 'hibernate') => {
  const headers = { 'content-type': 'text/plain;charset=UTF-8' }
  const { status, body } = await ask('POST', `${box.path}/${verb}`, { headers })
  expect([status, body]).toEqual([200, { status: 'hibernated' }])
}

/** The very same processes and files, going on. */
const expectItself = async () => {
  const count = await countOf(box)
  expect(count.secret).toBe(before.secret)
  expect(count.ticks).toBeGreaterThanOrEqual(before.ticks)
  await expectTicking(box, count.ticks)
  expect((await box.exec('cat /root/kept /tmp/kept')).stdout).toBe('disk\nmemory\n')
  expect(await statusOf(box)).toBe('running')
}

describe('a hibernated sandbox', () => {
  test('says so, however often it is asked, and only looking at it does not wake it', async () => {
    await sleepNow()
    await sleepNow()
    for (const path of ['', '/lifecycle', '/events', '/checkpoints'])
      expect((await call('GET', `${box.path}${path}`)).status, path).toBe(200)
    const { body } = await call('GET', '/v1/sandboxes')
    expect(body.find(({ id }: { id: string }) => id === box.id)).toMatchObject({ status: 'hibernated' })
    expect(await statusOf(box)).toBe('hibernated')
  })

  test.each([
    ['hibernate', 'wake'],
    ['stop', 'start'],
  ])('after %s is woken by %s, with all that was in its memory', async (verb, opposite) => {
    await sleepNow(verb)
    for (const _ of [1, 2]) {
      const { status, body } = await call('POST', `${box.path}/${opposite}`)
      expect([status, body]).toEqual([200, { status: 'running' }])
    }
    await expectItself()
    const clock = Number((await box.exec('date +%s.%N')).stdout)
    expect(Math.abs(clock - Date.now() / 1000)).toBeLessThan(5)
  })

  test.each<[string, () => Promise<unknown>]>([
    ['a command', () => box.exec('true')],
    [
      'a streamed command',
      async () => bytesOf(await send('POST', `${box.path}/exec/stream`, { body: '{"cmd":"true"}' })),
    ],
    ['a file', () => ask('GET', `${box.path}/fs?path=/root/kept`)],
    ['a request to a server in it', () => countOf(box)],
    ['resuming it', () => call('POST', `${box.path}/resume`)],
  ])('is woken by %s', async (_what, use) => {
    await sleepNow()
    await use()
    expect(await statusOf(box)).toBe('running')
    await expectItself()
  })

  test('is woken once by many at the same time', async () => {
    await sleepNow()
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => box.exec(`echo ${i}`)))
    expect(answers.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 8 }, (_, i) => `${i}\n`))
    const secrets = await Promise.all(Array.from({ length: 3 }, () => countOf(box)))
    expect(new Set(secrets.map(({ secret }) => secret))).toEqual(new Set([before.secret]))
    await expectItself()
  })

  test('sleeps again and again', async () => {
    for (let i = 0; i < 3; i++) {
      await sleepNow()
      await expectItself()
    }
  })

  test('can be deleted as it is', async () => {
    await sleepNow()
    expect((await call('DELETE', box.path)).status).toBe(204)
    for (const verb of ['wake', 'hibernate'])
      expect(refused(await call('POST', `${box.path}/${verb}`))).toEqual([404, 'string'])
  })

  test('can be kept as a snapshot and forked', async () => {
    await sleepNow()
    const kept = await call('POST', `${box.path}/snapshots`)
    expect(kept.status, kept.text).toBe(201)
    try {
      const made = await call('POST', `${box.path}/fork`)
      expect(made.status, made.text).toBe(201)
      await using child = boxOf(made.body.sandbox.id)
      expect((await countOf(child)).secret).toBe(before.secret)
    } finally {
      await call('DELETE', `/v1/snapshots/${kept.body.id}`)
    }
    await expectItself()
  })
})

test('a running sandbox is woken without harm, and one that is not there not at all', async () => {
  expect((await call('POST', `${box.path}/wake`)).body).toEqual({ status: 'running' })
  await expectItself()
  for (const verb of ['hibernate', 'stop', 'wake', 'start'])
    for (const id of [anyone, 'none'])
      expect(refused(await call('POST', `/v1/sandboxes/${id}/${verb}`)), verb).toEqual([404, 'string'])
})

describe('a sandbox goes to sleep by itself', () => {
  test('when its time is over and that is the wish', async () => {
    const wish = { on_timeout: 'hibernate', ttl_seconds: 3 }
    const changed = await call('PATCH', `${box.path}/lifecycle`, wish)
    expect(changed.body).toMatchObject(wish)
    expect((await call('GET', box.path)).body.on_timeout).toBe('hibernate')
    await expect.poll(() => statusOf(box), { timeout: 60_000, interval: 500 }).toBe('hibernated')
    await call('PATCH', `${box.path}/lifecycle`, { ttl_seconds: 600, on_timeout: 'delete' })
    await expectItself()
  })

  test('when nothing was done in it for so long', async () => {
    await box.exec('pkill -f [c]ounter.py')
    const changed = await call('PATCH', `${box.path}/lifecycle`, { hibernate_after_seconds: 5 })
    expect(changed.body.hibernate_after_seconds).toBe(5)
    await expect.poll(() => statusOf(box), { timeout: 60_000, interval: 500 }).toBe('hibernated')
    const never = await call('PATCH', `${box.path}/lifecycle`, { hibernate_after_seconds: null })
    expect(never.body.hibernate_after_seconds).toBeNull()
    expect((await box.exec('cat /root/kept /tmp/kept')).stdout).toBe('disk\nmemory\n')
  })

  test('as it was told when it was made', async () => {
    await using made = await createBox({ template: 'base', ttl_seconds: 3, on_timeout: 'hibernate' })
    expect((await call('GET', made.path)).body).toMatchObject({ ttl_seconds: 3, on_timeout: 'hibernate' })
    await expect.poll(() => statusOf(made), { timeout: 60_000, interval: 500 }).toBe('hibernated')
    expect((await made.exec('echo awake')).stdout).toBe('awake\n')
  })

  test('on no odd terms', async () => {
    for (const bad of [
      { on_timeout: 'explode' },
      { on_timeout: 7 },
      { hibernate_after_seconds: 0 },
      { hibernate_after_seconds: '10' },
      { checkpoints: 'often' },
    ]) {
      expect(refused(await call('PATCH', `${box.path}/lifecycle`, bad)), JSON.stringify(bad)).toEqual([
        400,
        'string',
      ])
      expect(refused(await call('POST', '/v1/sandboxes', bad)), JSON.stringify(bad)).toEqual([400, 'string'])
    }
  })
})
