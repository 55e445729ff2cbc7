import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { aSandbox, aSnapshot } from '../../../fixtures/examples.ts'
import { startScripted } from '../../../fixtures/scripted-core.ts'

const box = randomUUID()
const kept = randomUUID()
const missing = (): PandaError => new PandaError('not_found', 'not found')

/** One sandbox, one snapshot, and what core was asked for. */
const start = async () => {
  const asked: unknown[][] = []
  const api = await startScripted({
    sandboxes: {
      get: async (_caller, id) => {
        if (id !== box) throw missing()
        return aSandbox({ id })
      },
      rewind: async (_caller, id, to) => {
        asked.push(['rewind', id, to])
        return { sandbox: aSandbox({ id }), snapshot_id: kept, took_ms: 3 }
      },
      hibernate: async (_caller, id) => aSandbox({ id, status: 'hibernated' }),
      wake: async (_caller, id) => aSandbox({ id }),
    },
    snapshots: {
      create: async (_caller, id, input, { idempotencyKey }) => {
        asked.push(['create', id, input, idempotencyKey])
        return aSnapshot({ sandbox_id: id, kind: input.kind ?? 'snapshot', name: input.name ?? '' })
      },
      list: async (_caller, filter) => {
        asked.push(['list', filter])
        return [aSnapshot()]
      },
      get: async (_caller, id) => {
        if (id !== kept) throw missing()
        return aSnapshot({ id })
      },
      remove: async (_caller, id) => void asked.push(['remove', id]),
    },
    diff: async (_caller, to, from) => {
      asked.push(['diff', to, from])
      return { from: from ?? 'base', to, files: [], truncated: false }
    },
  })
  return Object.assign(api, { asked })
}

test('snapshots and checkpoints are made with or without a body, and keyed', async () => {
  await using api = await start()
  for (const [path, kind] of [
    ['snapshots', 'snapshot'],
    ['checkpoints', 'checkpoint'],
  ] as const) {
    const bare = await api.ask('POST', `/v1/sandboxes/${box}/${path}`)
    expect([bare.status, bare.body.kind, bare.body.sandbox_id]).toEqual([201, kind, box])
    const wish = { name: 'before', metadata: { a: 'b' } }
    await api.ask('POST', `/v1/sandboxes/${box}/${path}`, wish, { 'idempotency-key': 'k' })
    expect(api.asked.splice(0)).toEqual([
      ['create', box, { kind }, undefined],
      ['create', box, { ...wish, kind }, 'k'],
    ])
    for (const bad of [{ name: '' }, { name: 'x'.repeat(129) }, { metadata: { a: 1 } }, []])
      expect((await api.ask('POST', `/v1/sandboxes/${box}/${path}`, bad)).status).toBe(400)
  }
  expect(api.asked).toEqual([])
})

test('are listed, all or of one sandbox, got and deleted', async () => {
  await using api = await start()
  expect((await api.ask('GET', '/v1/snapshots')).body.snapshots).toHaveLength(1)
  await api.ask('GET', `/v1/snapshots?sandbox_id=${box}`)
  await api.ask('GET', `/v1/sandboxes/${box}/checkpoints`)
  expect((await api.ask('GET', `/v1/snapshots/${kept}`)).body.id).toBe(kept)
  expect((await api.ask('GET', '/v1/snapshots/none')).status).toBe(404)
  expect(await api.ask('DELETE', `/v1/snapshots/${kept}`)).toEqual({ status: 204, body: null })
  expect(api.asked).toEqual([
    ['list', {}],
    ['list', { sandboxId: box }],
    ['list', { sandboxId: box, checkpoints: true }],
    ['remove', kept],
  ])
})

test('a rewind says in one way where to', async () => {
  await using api = await start()
  const path = `/v1/sandboxes/${box}/rewind`
  expect((await api.ask('POST', path)).body).toMatchObject({ snapshot_id: kept, sandbox: { id: box } })
  await api.ask('POST', path, { steps: 2 })
  await api.ask('POST', path, { name: 'before' })
  await api.ask('POST', path, { snapshot_id: kept })
  expect(api.asked.splice(0).map(([, , to]) => to)).toEqual([
    {},
    { steps: 2 },
    { name: 'before' },
    { snapshot_id: kept },
  ])
  for (const bad of [{ steps: 1, name: 'x' }, { steps: 0 }, { snapshot_id: '../x' }, { name: 7 }]) {
    const { status, body } = await api.ask('POST', path, bad)
    expect([status, typeof body.error], JSON.stringify(bad)).toEqual([400, 'string'])
  }
  expect(api.asked).toEqual([])
})

test('a diff is of what the path names, against the template or anything else', async () => {
  await using api = await start()
  await api.ask('GET', `/v1/sandboxes/${box}/diff`)
  await api.ask('GET', `/v1/sandboxes/${box}/diff?from=${kept}`)
  await api.ask('GET', `/v1/snapshots/${kept}/diff?from=${box}`)
  expect(api.asked.splice(0)).toEqual([
    ['diff', box, null],
    ['diff', box, kept],
    ['diff', kept, box],
  ])
  expect((await api.ask('GET', `/v1/sandboxes/${kept}/diff`)).status).toBe(404)
  expect((await api.ask('GET', `/v1/snapshots/${box}/diff`)).status).toBe(404)
  expect((await api.ask('GET', `/v1/sandboxes/${box}/diff?from=`)).status).toBe(400)
  expect(api.asked).toEqual([])
})

test.each([
  ['hibernate', 'hibernated'],
  ['stop', 'hibernated'],
  ['wake', 'running'],
  ['start', 'running'],
])('%s answers with the status', async (verb, status) => {
  await using api = await start()
  const headers = { 'content-type': 'text/plain;charset=UTF-8' }
  expect(await api.ask('POST', `/v1/sandboxes/${box}/${verb}`, undefined, headers)).toEqual({
    status: 200,
    body: { status },
  })
})
