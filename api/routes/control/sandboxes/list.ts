import { z } from 'zod'
import { sandbox } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'

export const listSandboxes = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/sandboxes',
    schema: {
      operationId: 'listSandboxes',
      summary: 'List sandboxes, newest first',
      tags: ['sandboxes'],
      response: { 200: z.array(sandbox) },
    },
    handler: (request) => core.sandboxes.list(callerOf(request)),
  })
}
