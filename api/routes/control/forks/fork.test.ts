import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Core } from '@pandastack/core/core.ts'
import { aTree } from '../../../fixtures/examples.ts'
import { startScripted } from '../../../fixtures/scripted-core.ts'

type Fork = Core['forks']['fork']

/** An API whose every fork succeeds, and what it asked core for. */
const forking = async () => {
  const asked: { parent: string; input: Parameters<Fork>[2]; key: string | undefined }[] = []
  const fork: Fork = async (_caller, parent, input, { idempotencyKey: key }) => {
    asked.push({ parent, input, key })
    return aTree(parent, input.count ?? 1)
  }
  return Object.assign(await startScripted({ forks: { fork } }), { asked })
}

const parent = randomUUID()

describe('fork', () => {
  test('gives clients the child as an object, and scripts the ids', async () => {
    await using api = await forking()
    const { status, body } = await api.ask('POST', `/v1/sandboxes/${parent}/fork?warm=1`)
    expect(status).toBe(201)
    expect(api.asked).toEqual([{ parent, input: { count: 1 }, key: undefined }])
    expect(body).toMatchObject({ parent_id: parent, snapshot_id: expect.any(String), errors: [] })
    expect(body).not.toHaveProperty('tree_id')
    expect(body.children).toEqual([body.sandbox.id])
    expect(body.sandboxes).toEqual([body.sandbox])
    expect(body.sandbox).toMatchObject({ template: 'base', status: 'running', metadata: {} })
  })

  test('passes on what was asked for and its key', async () => {
    await using api = await forking()
    const wish = { count: 3, mode: 'cold', metadata: { a: 'b' }, ttl_seconds: 60, env: { X: '1' } }
    const { body } = await api.ask('POST', `/v1/sandboxes/${parent}/fork`, wish, { 'idempotency-key': 'k' })
    expect(api.asked).toEqual([{ parent, input: wish, key: 'k' }])
    expect(body.children).toHaveLength(3)
  })
})

test('fork-tree makes two children unless told otherwise, each as an object, and names the tree', async () => {
  await using api = await forking()
  const path = `/v1/sandboxes/${parent}/fork-tree`
  const two = await api.ask('POST', path)
  expect([two.status, two.body.children.length]).toEqual([201, 2])
  expect(two.body).toMatchObject({ tree_id: expect.any(String), parent_id: parent })
  expect(two.body.children[0]).toMatchObject({ id: expect.any(String), status: 'running' })
  const five = await api.ask('POST', path, { count: 5 }, { 'idempotency-key': 'k' })
  expect(five.body.children).toHaveLength(5)
  expect(api.asked.map(({ input, key }) => [input.count, key])).toEqual([
    [2, undefined],
    [5, 'k'],
  ])
})

test.each(['fork', 'fork-tree'])('%s refuses odd wishes before core hears of them', async (verb) => {
  await using api = await forking()
  for (const bad of [
    { count: 0 },
    { count: 101 },
    { count: 1.5 },
    { count: 'x' },
    { count: null },
    { metadata: { a: 1 } },
    { metadata: [] },
    { ttl_seconds: -1 },
    { env: 'X=1' },
    [],
  ]) {
    const { status, body } = await api.ask('POST', `/v1/sandboxes/${parent}/${verb}`, bad)
    expect([status, typeof body.error], JSON.stringify(bad)).toEqual([400, 'string'])
  }
  expect(api.asked).toEqual([])
})
