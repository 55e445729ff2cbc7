import { snapshot } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const getSnapshot = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/snapshots/:id',
    schema: {
      operationId: 'getSnapshot',
      summary: 'Get a snapshot or checkpoint',
      tags: ['snapshots'],
      params: idParams,
      response: { 200: snapshot },
    },
    handler: (request) => core.snapshots.get(callerOf(request), request.params.id),
  })
}
