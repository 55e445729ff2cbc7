import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams, nothing } from '../params.ts'

export const pauseSandbox = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes/:id/pause',
    schema: {
      operationId: 'pauseSandbox',
      summary: 'Stop the processors of a sandbox; its memory stays',
      tags: ['sandboxes'],
      params: idParams,
      response: { 204: nothing },
    },
    async handler(request, reply) {
      await core.sandboxes.pause(callerOf(request), request.params.id)
      return reply.code(204).send(null)
    },
  })
}
