import { forkedTree, forkTreeRequest } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { hangupOf } from '../../../hangup.ts'
import { idempotencyOf } from '../../../idempotency-key.ts'
import { idParams } from '../params.ts'

const countDefault = 2

export const forkTree = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes/:id/fork-tree',
    schema: {
      operationId: 'forkTree',
      summary: `Fork a running sandbox into siblings, all from the same instant. Default: ${countDefault}`,
      tags: ['forks'],
      keyed: true,
      params: idParams,
      body: forkTreeRequest,
      response: { 201: forkedTree },
    },
    async handler(request, reply) {
      const options = { ...idempotencyOf(request), signal: hangupOf(reply) }
      const wish = { ...request.body, count: request.body.count ?? countDefault }
      return reply.code(201).send(await core.forks.fork(callerOf(request), request.params.id, wish, options))
    },
  })
}
