// GET /sandboxes/{id}/ports: the ports that were declared and those on which something listens, as one list.

import { z } from 'zod'
import { agentPort, listeners } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { callForJson } from '../guest/call.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'

const portEntry = z
  .object({
    port: z.number().int(),
    label: z.string(),
    listening: z.boolean(),
    source: z.enum(['user', 'detected']),
    proxy_url: z.string(),
    preview_url: z.string(),
    public: z.boolean(),
  })
  .meta({ id: 'Port' })
type PortEntry = z.infer<typeof portEntry>

export const registerPorts = (app: ApiApp, { core, config }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/sandboxes/:id/ports',
    schema: {
      operationId: 'listPorts',
      summary: 'Declared ports and those on which something listens',
      tags: ['ports'],
      params: sandboxParams,
      response: { 200: z.array(portEntry) },
    },
    async handler(request) {
      using sandbox = await openSandbox(core, request)
      const { id } = request.params
      const [declared, found] = await Promise.all([
        core.sandboxes.declaredPorts(callerOf(request), id),
        callForJson(sandbox, listeners, { method: 'GET', path: '/v1/ports' }),
      ])
      const listening = new Set(found.ports.map(({ port }) => port))
      const scheme = config.publicUrl.startsWith('https:') ? 'https' : 'http'
      const entry = (port: number, source: PortEntry['source'], label: string, open: boolean): PortEntry => ({
        port,
        label,
        listening: listening.has(port),
        source,
        proxy_url: `${config.publicUrl}/v1/sandboxes/${id}/proxy/${port}/`,
        preview_url: `${scheme}://${port}-${id}.${config.previewSuffix}`,
        public: open,
      })
      const byUser = declared.map((one) => entry(one.port, 'user', one.label, one.public))
      const known = new Set([agentPort, ...declared.map(({ port }) => port)])
      const detected = [...listening].filter((port) => !known.has(port))
      return [...byUser, ...detected.map((port) => entry(port, 'detected', '', false))].sort(
        (a, b) => a.port - b.port,
      )
    },
  })
}
