import { z } from 'zod'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { forked, forkRequest } from '@pandastack/contracts/http/snapshots.ts'
import type { ForkedTree } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { hangupOf } from '../../../hangup.ts'
import { idempotencyOf } from '../../../idempotency-key.ts'
import { idParams } from '../params.ts'

export const forkSandbox = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes/:id/fork',
    schema: {
      operationId: 'forkSandbox',
      summary: 'Fork a running sandbox, memory and disk; the parent goes on. Default: one child',
      tags: ['forks'],
      keyed: true,
      params: idParams,
      querystring: z.object({
        warm: z.string().optional().describe('Taken and ignored: every fork has the memory of its parent'),
      }),
      body: forkRequest,
      response: { 201: forked },
    },
    async handler(request, reply) {
      const options = { ...idempotencyOf(request), signal: hangupOf(reply) }
      const wish = { ...request.body, count: request.body.count ?? 1 }
      const tree = await core.forks.fork(callerOf(request), request.params.id, wish, options)
      return reply.code(201).send(forkedOf(tree))
    },
  })
}

/** The published clients take `sandbox`; scripts take ids out of `children`. */
const forkedOf = (tree: ForkedTree): z.infer<typeof forked> => {
  const [sandbox] = tree.children
  if (!sandbox) throw new PandaError('internal', 'a fork without a child')
  return { ...tree, sandbox, children: tree.children.map(({ id }) => id), sandboxes: tree.children }
}
