import { snapshotList } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const listCheckpoints = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/sandboxes/:id/checkpoints',
    schema: {
      operationId: 'listCheckpoints',
      summary: 'List what a sandbox can go back to, newest first',
      tags: ['snapshots'],
      params: idParams,
      response: { 200: snapshotList },
    },
    async handler(request) {
      const filter = { sandboxId: request.params.id, checkpoints: true }
      return { snapshots: await core.snapshots.list(callerOf(request), filter) }
    },
  })
}
