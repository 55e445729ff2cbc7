import { z } from 'zod'
import { template } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'

export const getTemplate = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/templates/:name',
    schema: {
      operationId: 'getTemplate',
      summary: 'Get a template by name or alias',
      tags: ['templates'],
      params: z.object({ name: z.string() }),
      response: { 200: template },
    },
    handler: (request) => core.templates.get(callerOf(request), request.params.name),
  })
}
