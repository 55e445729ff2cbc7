import { sandbox, sandboxCreate } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { hangupOf } from '../../../hangup.ts'
import { idempotencyOf } from '../../../idempotency-key.ts'

export const createSandbox = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes',
    schema: {
      operationId: 'createSandbox',
      summary: 'Create a sandbox from a template or a snapshot, and wait until it runs',
      tags: ['sandboxes'],
      keyed: true,
      body: sandboxCreate,
      response: { 201: sandbox },
    },
    async handler(request, reply) {
      const options = { ...idempotencyOf(request), signal: hangupOf(reply) }
      const made = await core.sandboxes.create(callerOf(request), request.body, options)
      return reply.code(201).send(made)
    },
  })
}
