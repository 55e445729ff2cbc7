// Aborts when the client goes away before its reply is complete.

import type { FastifyReply } from 'fastify'

export const hangupOf = (reply: FastifyReply): AbortSignal => {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new Error('the client went away'))
  })
  return controller.signal
}
