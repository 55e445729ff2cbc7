import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams, nothing } from '../params.ts'

export const deleteSandbox = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'DELETE',
    url: '/sandboxes/:id',
    schema: {
      operationId: 'deleteSandbox',
      summary: 'Delete a sandbox',
      tags: ['sandboxes'],
      params: idParams,
      response: { 204: nothing },
    },
    async handler(request, reply) {
      await core.sandboxes.remove(callerOf(request), request.params.id)
      return reply.code(204).send(null)
    },
  })
}
