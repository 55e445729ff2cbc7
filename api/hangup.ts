// Aborts when the client goes away before its reply is complete.

import type { FastifyReply } from 'fastify'
import { PandaError } from '@pandastack/contracts/errors.ts'

/** Nobody reads this answer; it is the caller's doing all the same, and no fault of ours. */
export const clientGone = (): PandaError => new PandaError('invalid_request', 'the client went away')

export const hangupOf = (reply: FastifyReply): AbortSignal => {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(clientGone())
  })
  return controller.signal
}
