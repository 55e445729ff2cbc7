import { z } from 'zod'
import { diff } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { hangupOf } from '../../../hangup.ts'
import { idParams } from '../params.ts'

const of = {
  sandboxes: { operationId: 'diffSandbox', noun: 'sandbox' },
  snapshots: { operationId: 'diffSnapshot', noun: 'snapshot' },
} as const

export const readDiff = (app: ApiApp, { core }: ApiDeps): void => {
  for (const kind of ['sandboxes', 'snapshots'] as const) {
    app.route({
      method: 'GET',
      url: `/${kind}/:id/diff`,
      schema: {
        operationId: of[kind].operationId,
        summary: `Files of a ${of[kind].noun} that differ from those of another sandbox or snapshot, or of its template`,
        tags: ['snapshots'],
        params: idParams,
        querystring: z.object({
          from: z.string().min(1).optional().describe('Id of a sandbox or snapshot; without: the template'),
        }),
        response: { 200: diff },
      },
      async handler(request, reply) {
        const caller = callerOf(request)
        // Core takes either for either; an id in the wrong place is unknown there.
        const { id } = await core[kind].get(caller, request.params.id)
        return core.diff(caller, id, request.query.from ?? null, { signal: hangupOf(reply) })
      },
    })
  }
}
