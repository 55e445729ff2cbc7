import { statusOf } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const hibernateSandbox = (app: ApiApp, { core }: ApiDeps): void => {
  for (const verb of ['hibernate', 'stop']) {
    app.route({
      method: 'POST',
      url: `/sandboxes/:id/${verb}`,
      schema: {
        operationId: verb === 'hibernate' ? 'hibernateSandbox' : 'hibernateSandboxAlias',
        summary: 'Put a sandbox to sleep on disk, memory and all; the next request to it wakes it',
        tags: ['sandboxes'],
        params: idParams,
        response: { 200: statusOf },
      },
      async handler(request) {
        const { status } = await core.sandboxes.hibernate(callerOf(request), request.params.id)
        return { status }
      },
    })
  }
}
