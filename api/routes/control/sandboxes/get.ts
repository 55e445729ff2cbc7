import { sandbox } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const getSandbox = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/sandboxes/:id',
    schema: {
      operationId: 'getSandbox',
      summary: 'Get a sandbox',
      tags: ['sandboxes'],
      params: idParams,
      response: { 200: sandbox },
    },
    handler: (request) => core.sandboxes.get(callerOf(request), request.params.id),
  })
}
