import { rewindRequest, rewound } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const rewindSandbox = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes/:id/rewind',
    schema: {
      operationId: 'rewindSandbox',
      summary: 'Go back to a checkpoint or snapshot, memory and disk, under the same id; default: the newest',
      tags: ['snapshots'],
      params: idParams,
      body: rewindRequest,
      response: { 200: rewound },
    },
    handler: (request) => core.sandboxes.rewind(callerOf(request), request.params.id, request.body),
  })
}
