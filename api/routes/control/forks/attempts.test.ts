import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { Core } from '@pandastack/core/core.ts'
import { anOutcome, aResult, aSandbox } from '../../../fixtures/examples.ts'
import { startScripted } from '../../../fixtures/scripted-core.ts'

const parent = randomUUID()
const path = `/v1/sandboxes/${parent}/attempts`
const wish = { commands: ['a', { cmd: 'b', label: 'second' }], stop: 'all' }

const get: Core['sandboxes']['get'] = async (_caller, id) => {
  if (id !== parent) throw new PandaError('not_found', 'not found')
  return aSandbox({ id })
}
const startWith = (run: Core['attempts']['run']) => startScripted({ attempts: { run }, sandboxes: { get } })

const both: Core['attempts']['run'] = async (_caller, id, { commands }, { onOutcome }) => {
  const outcomes = commands.map((_, index) => anOutcome(index))
  for (const outcome of outcomes.toReversed()) onOutcome?.(outcome)
  return aResult(id, outcomes)
}
const failing: Core['attempts']['run'] = async (_caller, _id, _input, { onOutcome }) => {
  onOutcome?.(anOutcome(0))
  throw new PandaError('no_capacity', 'no room for forks', { retryAfterSeconds: 5 })
}

const streamed = async (api: Awaited<ReturnType<typeof startWith>>, at = path): Promise<Response> =>
  fetch(`${api.url}${at}`, {
    method: 'POST',
    headers: { ...api.auth, accept: 'text/event-stream' },
    body: JSON.stringify(wish),
  })

describe('attempts as JSON', () => {
  test('are the whole result', async () => {
    await using api = await startWith(both)
    const { status, body } = await api.ask('POST', path, wish)
    expect([status, body.winner, body.outcomes.length]).toEqual([200, 0, 2])
  })
  test('fail with a status', async () => {
    await using api = await startWith(failing)
    const { status, body } = await api.ask('POST', path, wish)
    expect([status, body.error]).toEqual([503, 'no room for forks'])
  })
  test('are refused when they make no sense', async () => {
    await using api = await startWith(both)
    for (const bad of [{}, { commands: [] }, { commands: [''] }, { commands: ['x'], concurrency: 0 }, []]) {
      const { status, body } = await api.ask('POST', path, bad)
      expect([status, typeof body.error], JSON.stringify(bad)).toEqual([400, 'string'])
    }
  })
})

describe('attempts as events', () => {
  test('are each outcome in the order in which they ended, and last the result', async () => {
    await using api = await startWith(both)
    const reply = await streamed(api)
    expect(reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const events = (await reply.text()).trimEnd().split('\n\n')
    const read = events.map((event) => /^event: (\w+)\ndata: (.*)$/.exec(event)?.slice(1) ?? [])
    expect(read.map(([name]) => name)).toEqual(['outcome', 'outcome', 'result'])
    expect(read.map(([, data]) => JSON.parse(data ?? '').index)).toEqual([1, 0, undefined])
    expect(JSON.parse(read[2]?.[1] ?? '')).toMatchObject({ parent_id: parent, winner: 0 })
  })
  test('end with an error when core fails on the way', async () => {
    await using api = await startWith(failing)
    const text = await (await streamed(api)).text()
    expect(text).toMatch(/^event: outcome\n.*\n\nevent: error\ndata: (.*)\n\n$/)
    expect(text).toContain('data: {"error":"no room for forks","code":"no_capacity"}')
  })
  test('do not begin for a sandbox that is not there', async () => {
    await using api = await startWith(both)
    const reply = await streamed(api, `/v1/sandboxes/${randomUUID()}/attempts`)
    expect([reply.status, await reply.json()]).toEqual([404, { error: 'not found', code: 'not_found' }])
  })
})

test.each(['application/json', 'text/event-stream'])(
  'attempts are given up when the client hangs up (%s)',
  async (accept) => {
    const began = Promise.withResolvers<void>()
    const given = Promise.withResolvers<void>()
    await using api = await startWith(async (_caller, _id, _input, { signal }) => {
      signal.addEventListener('abort', () => given.resolve())
      began.resolve()
      await given.promise
      throw signal.reason
    })
    const gone = new AbortController()
    const cut = fetch(`${api.url}${path}`, {
      method: 'POST',
      headers: { ...api.auth, accept },
      body: JSON.stringify(wish),
      signal: gone.signal,
    }).then((reply) => reply.text())
    await began.promise
    gone.abort()
    await expect(cut).rejects.toThrow()
    await given.promise
  },
)
