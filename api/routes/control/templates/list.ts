import { z } from 'zod'
import { template } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'

export const listTemplates = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/templates',
    schema: {
      operationId: 'listTemplates',
      summary: 'List templates',
      tags: ['templates'],
      response: { 200: z.array(template) },
    },
    handler: (request) => core.templates.list(callerOf(request)),
  })
}
