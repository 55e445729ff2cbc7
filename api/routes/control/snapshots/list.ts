import { z } from 'zod'
import { snapshotList } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'

export const listSnapshots = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/snapshots',
    schema: {
      operationId: 'listSnapshots',
      summary: 'List snapshots, newest first; with sandbox_id those of one sandbox, which may have ended',
      tags: ['snapshots'],
      querystring: z.object({ sandbox_id: z.string().optional() }),
      response: { 200: snapshotList },
    },
    async handler(request) {
      const { sandbox_id: sandboxId } = request.query
      const filter = sandboxId === undefined ? {} : { sandboxId }
      return { snapshots: await core.snapshots.list(callerOf(request), filter) }
    },
  })
}
