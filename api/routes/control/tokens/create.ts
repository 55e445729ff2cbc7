import { newToken, tokenCreate } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idempotencyOf } from '../../../idempotency-key.ts'

export const createToken = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/me/tokens',
    schema: {
      operationId: 'createToken',
      summary: 'Create an API key; it is shown this once',
      tags: ['account'],
      keyed: true,
      body: tokenCreate,
      response: { 200: newToken },
    },
    async handler(request) {
      const { label, name, expires_in_days } = request.body
      const wish = { label: label ?? name ?? '', expires_in_days }
      return core.tokens.create(callerOf(request), wish, idempotencyOf(request))
    },
  })
}
