import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams, nothing } from '../params.ts'

export const deleteSnapshot = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'DELETE',
    url: '/snapshots/:id',
    schema: {
      operationId: 'deleteSnapshot',
      summary: 'Delete a snapshot or checkpoint; what was made from it lives on',
      tags: ['snapshots'],
      params: idParams,
      response: { 204: nothing },
    },
    async handler(request, reply) {
      await core.snapshots.remove(callerOf(request), request.params.id)
      return reply.code(204).send(null)
    },
  })
}
