import { lifecycle } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const getLifecycle = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/sandboxes/:id/lifecycle',
    schema: {
      operationId: 'getLifecycle',
      summary: 'When a sandbox ends by itself',
      tags: ['sandboxes'],
      params: idParams,
      response: { 200: lifecycle },
    },
    handler: (request) => core.sandboxes.lifecycle(callerOf(request), request.params.id),
  })
}
