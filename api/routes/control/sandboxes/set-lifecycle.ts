import { lifecycle, lifecycleChange } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const setLifecycle = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'PATCH',
    url: '/sandboxes/:id/lifecycle',
    schema: {
      operationId: 'setLifecycle',
      summary: 'Change when a sandbox ends by itself; counts as use',
      tags: ['sandboxes'],
      params: idParams,
      body: lifecycleChange,
      response: { 200: lifecycle },
    },
    handler: (request) => core.sandboxes.setLifecycle(callerOf(request), request.params.id, request.body),
  })
}
