import { z } from 'zod'
import { token } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'

export const listTokens = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/me/tokens',
    schema: {
      operationId: 'listTokens',
      summary: 'List API keys by their public prefix',
      tags: ['account'],
      response: { 200: z.object({ items: z.array(token) }) },
    },
    handler: async (request) => ({ items: await core.tokens.list(callerOf(request)) }),
  })
}
