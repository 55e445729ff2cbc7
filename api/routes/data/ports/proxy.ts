// ANY /sandboxes/{id}/proxy/{port}/...: the caller's own requests to a server inside the sandbox. For a scope that
// leaves bodies alone.

import { z } from 'zod'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { openSandbox } from '../guest/open.ts'
import { everyMethod } from './every-method.ts'
import { forward, guestPort } from './forward.ts'

const mine = /^(\/v1\/sandboxes\/[^/?#]+\/proxy\/[^/?#]+)(.*)$/

export const registerProxy = (app: ApiApp, { core }: ApiDeps): void =>
  everyMethod(app, {
    url: '/sandboxes/:id/proxy/:port',
    operation: 'proxy',
    summary: 'A request to a server inside the sandbox, as it is; WebSockets too',
    params: z.object({ id: z.string(), port: z.string() }),
    open: false,
    async handler(request, reply) {
      const port = guestPort((request.params as { port: string }).port)
      using sandbox = await openSandbox(core, request)
      // From the URL as it is now: the authentication has taken `access_token` out of it.
      const [, prefix = '', rest = ''] = mine.exec(request.raw.url ?? '') ?? []
      await forward(request, reply, sandbox, {
        port,
        prefix,
        target: rest.startsWith('/') ? rest : `/${rest}`,
      })
      return reply
    },
  })
