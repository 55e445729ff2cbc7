// API and edge in front of one guest agent, with everything in between real but core: host client, relay, HTTP server.
// Core is a stand-in that knows one key, one running sandbox and what a test says of ports and previews.

import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { buildApi } from '@pandastack/api/server.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { createFront } from '@pandastack/control-plane/front.ts'
import type { Caller, Core, OpenSandbox } from '@pandastack/core/core.ts'
import { createEdge } from '@pandastack/edge/edge.ts'
import { createGuestPort } from '@pandastack/host-client/guest-port.ts'
import { silentLog } from '@pandastack/kit/log/log.ts'
import { createMetrics } from '@pandastack/kit/metrics/metrics.ts'
import { startRelay } from './relay.ts'
import type { TestRelay } from './relay.ts'

export interface DataWorld extends AsyncDisposable {
  url: string
  port: number
  key: string
  /** Headers that a client sends. */
  auth: Record<string, string>
  /** The name under which the edge serves a port. */
  hostOf(port: number): string
  sandboxId: string
  /** `/v1/sandboxes/{id}` of the one sandbox. */
  sandboxUrl: string
  core: Core
  relay: TestRelay
  /** Streams that keep the sandbox in use at this moment. */
  uses(): number
  declared: { port: number; label: string; public: boolean }[]
  previews: Map<string, { port: number; paths: string[] }>
}

/** `guestPort`: the TCP port of this machine on which the guest agent, real or scripted, listens. */
export const startDataWorld = async (guestPort: number, token = 't'.repeat(32)): Promise<DataWorld> => {
  const stack = new AsyncDisposableStack()
  const relay = stack.use(await startRelay())
  const guests = stack.use(createGuestPort({ relaySocketPath: relay.socketPath }))
  const machineId = randomUUID()
  relay.ports.set(machineId, guestPort)
  const facts = { key: `pds_${'0'.repeat(32)}`, sandboxId: randomUUID(), uses: 0 }
  const declared: DataWorld['declared'] = []
  const previews: DataWorld['previews'] = new Map()
  const open = (): OpenSandbox => ({
    sandbox: { id: facts.sandboxId } as OpenSandbox['sandbox'],
    request: (request) => guests.request(machineId, token, request),
    tunnel: (port, signal) => guests.tunnel(machineId, token, port, signal),
    beforeCommand: async () => undefined,
    use: () => {
      facts.uses += 1
      return { [Symbol.dispose]: () => void (facts.uses -= 1) }
    },
  })
  const core = standIn(facts, open, declared, previews)
  const config = { publicUrl: 'http://api.test', version: '0', previewSuffix: 'preview.test' }
  const edge = createEdge({
    core,
    log: silentLog(),
    suffix: config.previewSuffix,
    verifyKey: core.authenticate,
  })
  const { serverFactory, serve, endUpgraded } = createFront({ edge, connectionsMax: 1000 })
  const deps = { core, log: silentLog(), metrics: createMetrics(), config }
  const app = await buildApi(deps, { serverFactory })
  stack.defer(() => app.close())
  serve(app)
  await app.listen({ host: '127.0.0.1', port: 0 })
  stack.defer(() => {
    endUpgraded()
    app.server.closeAllConnections()
  })
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    port,
    key: facts.key,
    auth: { authorization: `Bearer ${facts.key}` },
    sandboxId: facts.sandboxId,
    hostOf: (guestPort) => `${guestPort}-${facts.sandboxId}.${config.previewSuffix}`,
    sandboxUrl: `${url}/v1/sandboxes/${facts.sandboxId}`,
    core,
    relay,
    uses: () => facts.uses,
    declared,
    previews,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const absent = (): PandaError => new PandaError('not_found', 'not found')

const standIn = (
  facts: { key: string; sandboxId: string },
  open: () => OpenSandbox,
  declared: DataWorld['declared'],
  previews: DataWorld['previews'],
): Core => {
  const caller: Caller = { projectId: randomUUID(), tokenPrefix: 'pds_00000000', requestId: '' }
  const sandboxes: Partial<Core['sandboxes']> = {
    open: async (_caller, id) => {
      if (id !== facts.sandboxId) throw absent()
      return open()
    },
    glance: (_caller, id, request) =>
      id === facts.sandboxId ? open().request(request) : Promise.reject(absent()),
    declaredPorts: async () => declared,
    stats: async () => ({
      pid: 1,
      uptimeSeconds: 1,
      cpuSeconds: 1,
      cpuPercent: 1,
      rssBytes: 1,
      vszBytes: 1,
      threads: 1,
    }),
    openPort: async (id, port, access) => {
      const isPublic = declared.some((one) => one.port === port && one.public)
      if (id !== facts.sandboxId || (access.kind === 'public' && !isPublic)) throw absent()
      return open()
    },
  }
  const partial: Partial<Core> = {
    authenticate: async (key, requestId) => (key === facts.key ? { ...caller, requestId } : null),
    sandboxes: sandboxes as Core['sandboxes'],
    previews: {
      sign: async () => {
        throw absent()
      },
      verify: async (token) => {
        const found = previews.get(token)
        return found ? { sandboxId: facts.sandboxId, ...found } : null
      },
    },
  }
  return partial as Core
}
