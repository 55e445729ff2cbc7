import { z } from 'zod'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { nothing } from '../params.ts'

export const deletePort = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'DELETE',
    url: '/sandboxes/:id/ports/:port',
    schema: {
      operationId: 'deletePort',
      summary: 'Withdraw a declared port',
      tags: ['ports'],
      params: z.object({ id: z.string(), port: z.string() }),
      response: { 204: nothing },
    },
    async handler(request, reply) {
      const { id, port } = request.params
      if (!/^\d{1,5}$/.test(port)) throw new PandaError('not_found', 'not found')
      await core.sandboxes.setPort(callerOf(request), id, Number(port), null)
      return reply.code(204).send(null)
    },
  })
}
