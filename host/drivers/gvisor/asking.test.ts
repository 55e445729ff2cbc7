import { afterEach, expect, test } from 'vitest'
import { ask } from './asking.ts'
import { createRestorer } from './restorer.ts'

/** Speaks the restorer's lines without any sandbox: says who it is, fails, is silent, or dies, as the machine's id says. */
const speaker = `
const lines = require('node:readline').createInterface({ input: process.stdin })
const say = (answer) => console.log(JSON.stringify(answer))
let held
lines.on('line', (line) => {
  const { key, id, dir } = JSON.parse(line)
  if (id === 'who') say({ key, status: String(process.pid) })
  if (id === 'gone') say({ key, error: 'container "gone" does not exist' })
  if (id === 'full') say({ key, error: 'writing ' + dir + ': no space left on device' })
  if (id === 'first') held = key
  if (id === 'second') { say({ key, pauseMs: 2 }); say({ key: held, pauseMs: 1 }) }
  if (id === 'die') { console.error('I cannot go on'); process.exit(1) }
})`

const restorer = createRestorer(process.execPath, ['-e', speaker])
afterEach(() => restorer[Symbol.asyncDispose]())

const never = new AbortController().signal
const patient = { signal: never, deadlineMs: 20_000 }
const answer = (id: string, options = patient) => ask(restorer, 'checkpoint', id, options).answer

test('each answer goes to who asked, in whatever order they come', async () => {
  const first = answer('first')
  expect(await answer('second')).toEqual({ pauseMs: 2 })
  expect(await first).toEqual({ pauseMs: 1 })
})

test('what it says went wrong has a kind that can be acted on', async () => {
  await expect(answer('gone')).rejects.toMatchObject({ kind: 'dead' })
  const full = ask(restorer, 'checkpoint', 'full', { ...patient, dir: '/somewhere' }).answer
  await expect(full).rejects.toMatchObject({
    kind: 'no_space',
    message: expect.stringContaining('/somewhere'),
  })
})

test('waiting ends when it is given up or takes too long, and the next answer is not mistaken for the late one', async () => {
  const reason = new Error('given up')
  await expect(answer('silent', { ...patient, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  await expect(answer('silent', { ...patient, deadlineMs: 10 })).rejects.toMatchObject({ kind: 'deadline' })
  expect((await answer('who')).status).toMatch(/^\d+$/)
})

test('its death fails what was under way, with its last words, and the next request starts it again', async () => {
  const before = (await answer('who')).status
  const waiting = answer('silent')
  await expect(answer('die')).rejects.toThrow('I cannot go on')
  await expect(waiting).rejects.toMatchObject({ kind: 'failed' })
  const after = (await answer('who')).status
  expect(after).toMatch(/^\d+$/)
  expect(after).not.toBe(before)
})
