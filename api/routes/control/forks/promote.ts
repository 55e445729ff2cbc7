import { promoted, promoteRequest } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const promoteFork = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes/:id/promote',
    schema: {
      operationId: 'promoteFork',
      summary: 'Make a fork a sandbox of its own, or its parent; delete its siblings on demand',
      tags: ['forks'],
      params: idParams,
      body: promoteRequest,
      response: { 200: promoted },
    },
    handler: (request) => core.forks.promote(callerOf(request), request.params.id, request.body),
  })
}
