import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

let world: World
let id: string
beforeAll(async () => {
  world = await createWorld()
  id = (await world.ask('POST', '/v1/sandboxes', {})).body.id
})
afterAll(() => world[Symbol.asyncDispose]())

const deep = '['.repeat(100_000) + ']'.repeat(100_000)
const deepObject = '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)

const creates: [string, unknown, number][] = [
  ['unknown template', { template: 'nonesuch' }, 400],
  ['template of a wrong type', { template: 7 }, 400],
  ['template of 10,000 characters', { template: 'x'.repeat(10_000) }, 400],
  ['template that is a path', { template: '../../etc/passwd' }, 400],
  ['template with a NUL', { template: 'base\0' }, 400],
  ['negative TTL', { ttl_seconds: -1 }, 400],
  ['TTL of zero', { ttl_seconds: 0 }, 400],
  ['fractional TTL', { ttl_seconds: 1.5 }, 400],
  ['absurd TTL', { ttl_seconds: 1e12 }, 400],
  ['TTL beyond what numbers hold', '{"ttl_seconds":1e999}', 400],
  ['TTL as text', { ttl_seconds: '60' }, 400],
  ['persistent as text', { persistent: 'yes' }, 400],
  ['metadata that is a list', { metadata: ['a'] }, 400],
  ['metadata with a number', { metadata: { a: 1 } }, 400],
  ['metadata with a NUL', { metadata: { a: 'x\0y' } }, 400],
  ['metadata with half a surrogate pair', '{"metadata":{"a":"\\ud800"}}', 400],
  [
    'metadata that is too long',
    { metadata: Object.fromEntries(Array.from({ length: 60 }, (_, i) => [i, 'x'.repeat(4000)])) },
    400,
  ],
  [
    'metadata with too many entries',
    { metadata: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [i, ''])) },
    400,
  ],
  ['a prototype in disguise', '{"metadata":{"__proto__":"x"}}', 400],
  ['a variable with a bad name', { env: { 'A=B': 'x' } }, 400],
  ['a variable with a NUL', { env: { A: '\0' } }, 400],
  ['no processors', { cpu: 0 }, 400],
  ['more processors than any host has', { cpu: 64 }, 400],
  ['more memory than any host has', { memory_mb: 262_144 }, 400],
  ['a disk that is smaller than the template', { disk_gb: 1 }, 400],
  ['volumes that are text', { volumes: 'v' }, 400],
  ['a list', [], 400],
  ['a number', 7, 400],
  ['text', '"x"', 400],
  ['null', 'null', 400],
  ['broken JSON', '{"template":', 400],
  ['two JSON values', '{}{}', 400],
  ['lists 100,000 deep', deep, 400],
  ['objects 100,000 deep', deepObject, 400],
  ['a body over the limit', { metadata: { a: 'x'.repeat(2_000_000) } }, 413],
  ['an unknown snapshot', { from_snapshot: '../../x' }, 404],
]

test.each(creates)('a create with %s is refused and leaves nothing', async (_name, body, status) => {
  const answer = await world.ask('POST', '/v1/sandboxes', body)
  expect([answer.status, typeof answer.body.error]).toEqual([status, 'string'])
  const rows = await world.db.selectFrom('sandboxes').select('id').execute()
  expect(rows).toEqual([{ id }])
  expect(world.host.machines.size).toBe(1)
})

const others: [string, string, string, unknown, number][] = [
  ['a TTL of zero', 'PATCH', '/lifecycle', { ttl_seconds: 0 }, 400],
  ['a TTL of text', 'PATCH', '/lifecycle', { ttl_seconds: 'x' }, 400],
  ['port zero', 'POST', '/ports', { port: 0 }, 400],
  ['port 65536', 'POST', '/ports', { port: 65_536 }, 400],
  ['no port', 'POST', '/ports', {}, 400],
  ['a label with a NUL', 'POST', '/ports', { port: 80, label: '\0' }, 400],
  ['an undeclared port', 'DELETE', '/ports/81', undefined, 404],
  ['a port that is text', 'DELETE', '/ports/eighty', undefined, 404],
  ['a port beyond all', 'DELETE', '/ports/99999', undefined, 400],
  ['a link for eight days', 'POST', '/preview-token', { port: 80, ttl_seconds: 691_200 }, 400],
  ['a link without a port', 'POST', '/preview-token', {}, 400],
  ['a path that is relative', 'POST', '/preview-token', { port: 80, paths: ['x'] }, 400],
  ['a tail that is negative', 'GET', '/events?tail=-1', undefined, 400],
  ['a tail that is text', 'GET', '/events?tail=x', undefined, 400],
  ['an unknown verb', 'POST', '/nonsense', {}, 404],
]

test.each(others)('%s is refused', async (_name, method, suffix, body, status) => {
  const answer = await world.ask(method, `/v1/sandboxes/${id}${suffix}`, body)
  expect([answer.status, typeof answer.body.error]).toEqual([status, 'string'])
})

describe('what is allowed though it looks odd', () => {
  test('unknown fields, any content type, and no body at all', async () => {
    const odd: [unknown, string][] = [
      [{ unknown: { a: 1 } }, 'application/json'],
      ['{"template":"base"}', 'application/x-www-form-urlencoded'],
      ['{"template":"base"}', 'text/plain'],
      ['', 'text/plain;charset=UTF-8'],
      ['', 'application/json'],
    ]
    for (const [body, type] of odd) {
      const answer = await world.ask('POST', '/v1/sandboxes', body, { headers: { 'content-type': type } })
      expect([type, answer.status]).toEqual([type, 201])
      await world.ask('DELETE', `/v1/sandboxes/${answer.body.id}`)
    }
    const bare = await fetch(`${world.url}/v1/sandboxes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.key}` },
    })
    expect(bare.status).toBe(201)
  })
})
