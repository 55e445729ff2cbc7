// The id of a request: the caller's own when it is short and harmless, else minted. Echoed in every reply.

import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { ApiApp } from './app.ts'

const harmless = /^[A-Za-z0-9._:/+=@-]{1,64}$/

export const requestIdOf = (request: IncomingMessage): string => {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && harmless.test(given) ? given : randomBytes(8).toString('hex')
}

export const registerRequestId = (app: ApiApp): void => {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
}
