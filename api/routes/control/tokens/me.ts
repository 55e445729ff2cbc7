import { me } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'

export const readMe = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/me',
    schema: {
      operationId: 'readMe',
      summary: 'Who the key stands for',
      tags: ['account'],
      response: { 200: me },
    },
    handler: (request) => core.me(callerOf(request)),
  })
}
