import { z } from 'zod'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { nothing } from '../params.ts'

export const revokeToken = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'DELETE',
    url: '/me/tokens/:prefix',
    schema: {
      operationId: 'revokeToken',
      summary: 'Revoke an API key',
      tags: ['account'],
      params: z.object({ prefix: z.string() }),
      response: { 204: nothing },
    },
    async handler(request, reply) {
      await core.tokens.revoke(callerOf(request), request.params.prefix)
      return reply.code(204).send(null)
    },
  })
}
