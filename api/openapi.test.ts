import diagnostics from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import type { Core } from '@pandastack/core/core.ts'
import { silentLog } from '@pandastack/kit/log/log.ts'
import { createMetrics } from '@pandastack/kit/metrics/metrics.ts'
import { buildApi } from './server.ts'

interface Operation {
  operationId: string
  summary: string
  responses: Record<string, unknown>
}

/** Every route that the server registers, in the spelling of OpenAPI, and its document. */
const described = async () => {
  const routes: string[] = []
  const onInitialization = (message: unknown): void => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) routes.push(`${one} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)
    })
  }
  diagnostics.subscribe('fastify.initialization', onInitialization)
  try {
    const config = { publicUrl: 'http://x', version: '1', previewSuffix: 'x' }
    const metrics = createMetrics({ processMetrics: false })
    const app = await buildApi({ core: {} as Core, log: silentLog(), metrics, config })
    const { body } = await app.inject('/v1/openapi.json')
    await app.close()
    return { routes, paths: (JSON.parse(body) as { paths: Record<string, Record<string, Operation>> }).paths }
  } finally {
    diagnostics.unsubscribe('fastify.initialization', onInitialization)
  }
}

/** Not offered to anybody: pages for people, and the bare form of a path with a rest. */
const leftOut = /^(HEAD|QUERY) |^\w+ \/docs|\/proxy\/\{port\}$|\/p\/\{token\}$/

test('every route is in the document, with a name of its own and what it answers when all is well', async () => {
  const { routes, paths } = await described()
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      ...operation,
    })),
  )
  const offered = routes.filter((route) => !leftOut.test(route)).map((route) => route.replace('*', '{path}'))
  const shown = operations.map(({ route }) => route).filter((route) => !route.startsWith('HEAD '))
  expect(shown.toSorted()).toEqual(offered.toSorted())
  expect(routes.length).toBeGreaterThan(70)
  const names = operations.map(({ operationId }) => operationId)
  expect(new Set(names).size).toBe(names.length)
  for (const { route, summary, responses } of operations) {
    expect(summary, route).toBeTruthy()
    expect(Object.keys(responses), route).toContain('default')
    expect(
      Object.keys(responses).some((status) => /^(101|2\d\d)$/.test(status)),
      route,
    ).toBe(true)
  }
})
