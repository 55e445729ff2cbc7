import { snapshot, snapshotCreate } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { hangupOf } from '../../../hangup.ts'
import { idempotencyOf } from '../../../idempotency-key.ts'
import { idParams } from '../params.ts'

export const createCheckpoint = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes/:id/checkpoints',
    schema: {
      operationId: 'createCheckpoint',
      summary: 'Keep memory and disk of a sandbox to go back to; it goes with the sandbox',
      tags: ['snapshots'],
      keyed: true,
      params: idParams,
      body: snapshotCreate,
      response: { 201: snapshot },
    },
    async handler(request, reply) {
      const options = { ...idempotencyOf(request), signal: hangupOf(reply) }
      const wish = { ...request.body, kind: 'checkpoint' as const }
      const made = await core.snapshots.create(callerOf(request), request.params.id, wish, options)
      return reply.code(201).send(made)
    },
  })
}
