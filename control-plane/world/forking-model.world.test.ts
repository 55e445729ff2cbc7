// Whatever is done to sandboxes in whatever order, each holds what a model of it holds; and in the end nothing is left.

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { keepFiles } from '@pandastack/testing/content-guest.ts'
import { Model, steps } from '@pandastack/testing/forking-model.ts'
import type { Api } from '@pandastack/testing/forking-model.ts'
import { createWorld } from '@pandastack/testing/world.ts'
import type { World } from '@pandastack/testing/world.ts'

const apiOf = (world: World): Api => ({
  ask: (method, path, body) => world.ask(method, path, body),
  async write(id, path, content) {
    const reply = await world.ask('PUT', `/v1/sandboxes/${id}/fs?path=${path}`, content)
    if (reply.status !== 200)
      throw new Error(`a write was answered with ${reply.status}: ${reply.body?.error}`)
  },
  async read(id, path) {
    const reply = await world.ask('GET', `/v1/sandboxes/${id}/fs?path=${path}`)
    if (reply.status === 404) return null
    if (reply.status !== 200)
      throw new Error(`a read was answered with ${reply.status}: ${reply.body?.error}`)
    return String(reply.body)
  },
})

test('random sequences agree with the model, and leave nothing', { timeout: 120_000 }, async () => {
  await using world = await createWorld()
  keepFiles(world.host)
  await fc.assert(
    fc.asyncProperty(steps(30), async (sequence) => {
      const model = new Model(apiOf(world), 'base')
      try {
        await model.run(sequence)
      } finally {
        await model.removeAll()
      }
      await expect.poll(() => world.host.living().length, { timeout: 5000 }).toBe(0)
    }),
    { numRuns: 15 },
  )
  await expect.poll(() => world.host.snapshots.held.size, { timeout: 8000 }).toBe(0)
})
