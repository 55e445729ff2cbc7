// Our client's paths and methods are written by hand (docs/decisions/0006): each is held against the API's document.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { buildApi } from '@pandastack/api/server.ts'
import { createClient, type Client } from '@pandastack/client/client.ts'
import type { Core } from '@pandastack/core/core.ts'
import { silentLog } from '@pandastack/kit/log/log.ts'
import { createMetrics } from '@pandastack/kit/metrics/metrics.ts'

const id = '3d8de506-d028-4729-bf0f-9640105f82fe'

/** `GET /v1/sandboxes/{id}` and so on, as patterns. */
const documented = async (): Promise<RegExp[]> => {
  const config = { publicUrl: 'http://x', version: '1', previewSuffix: 'x' }
  const metrics = createMetrics({ processMetrics: false })
  const app = await buildApi({ core: {} as Core, log: silentLog(), metrics, config })
  const { body } = await app.inject('/v1/openapi.json')
  await app.close()
  const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, unknown>> }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(
      (method) => new RegExp(`^${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    ),
  )
}

/** Everything the client can do, except terminals, which are no HTTP exchange. */
const calls = (client: Client): (() => Promise<unknown>)[] => [
  () => client.healthy(),
  () => client.version(),
  () => client.sandboxes.create({ template: 'base' }),
  () => client.sandboxes.list(),
  () => client.sandboxes.get(id),
  () => client.sandboxes.remove(id),
  () => client.sandboxes.pause(id),
  () => client.sandboxes.resume(id),
  () => client.sandboxes.hibernate(id),
  () => client.sandboxes.wake(id),
  () => client.sandboxes.rewind(id),
  () => client.sandboxes.diff(id),
  () => client.sandboxes.lifecycle(id),
  () => client.sandboxes.setLifecycle(id, { ttl_seconds: 5 }),
  () => client.sandboxes.metrics(id),
  () => client.snapshots.create(id),
  () => client.snapshots.list({ sandboxId: id }),
  () => client.snapshots.get(id),
  () => client.snapshots.remove(id),
  () => client.snapshots.diff(id, id),
  () => client.checkpoints.create(id, { name: 'x' }),
  () => client.checkpoints.list(id),
  () => client.forks.fork(id),
  () => client.forks.tree(id, { count: 3 }),
  () => client.forks.promote(id),
  () => client.attempts.run(id, { commands: ['true'] }),
  () => client.attempts.stream(id, { commands: ['true'] }).next(),
  () => client.exec.run(id, { cmd: 'true' }),
  () => client.files.list(id, '/'),
  () => client.files.stat(id, '/'),
  () => client.files.remove(id, '/x'),
  () => client.templates.list(),
  () => client.templates.get('base'),
  () => client.templates.bake('base').next(),
  () => client.tokens.list(),
  () => client.tokens.create({ label: 'x' }),
  () => client.tokens.revoke('pds_00000000'),
]

test('every call of the client is in the document of the API', async () => {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${new URL(request.url ?? '', 'http://x').pathname}`)
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const client = createClient({ url: `http://127.0.0.1:${port}`, key: 'pds_x' })
    const all = calls(client)
    // What comes back is `{}`, which not every call can use; what was asked is the matter here.
    for (const call of all) await call().catch(() => undefined)
    expect(seen).toHaveLength(all.length)
    const patterns = await documented()
    expect(seen.filter((call) => !patterns.some((pattern) => pattern.test(call)))).toEqual([])
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
