import { statusOf } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const wakeSandbox = (app: ApiApp, { core }: ApiDeps): void => {
  for (const verb of ['wake', 'start']) {
    app.route({
      method: 'POST',
      url: `/sandboxes/:id/${verb}`,
      schema: {
        operationId: verb === 'wake' ? 'wakeSandbox' : 'wakeSandboxAlias',
        summary: 'Wake a hibernated sandbox now',
        tags: ['sandboxes'],
        params: idParams,
        response: { 200: statusOf },
      },
      async handler(request) {
        const { status } = await core.sandboxes.wake(callerOf(request), request.params.id)
        return { status }
      },
    })
  }
}
