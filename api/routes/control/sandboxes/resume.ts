import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams, nothing } from '../params.ts'

export const resumeSandbox = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes/:id/resume',
    schema: {
      operationId: 'resumeSandbox',
      summary: 'Let a paused sandbox go on',
      tags: ['sandboxes'],
      params: idParams,
      response: { 204: nothing },
    },
    async handler(request, reply) {
      await core.sandboxes.resume(callerOf(request), request.params.id)
      return reply.code(204).send(null)
    },
  })
}
