import { portDeclared, portDeclaration } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

export const setPort = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes/:id/ports',
    schema: {
      operationId: 'setPort',
      summary: 'Declare a port: give it a label, open it to strangers through the edge or not',
      tags: ['ports'],
      params: idParams,
      body: portDeclaration,
      response: { 201: portDeclared },
    },
    async handler(request, reply) {
      const { port, label = '', public: open = false } = request.body
      await core.sandboxes.setPort(callerOf(request), request.params.id, port, { label, public: open })
      return reply.code(201).send({ port, label, public: open })
    },
  })
}
