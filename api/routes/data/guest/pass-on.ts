// A guest's body sent to the client as it comes: streamed, any size, at the slower one's pace.

import type { FastifyReply } from 'fastify'
import type { GuestReply } from '@pandastack/core/ports/guest-port.ts'

/** `held` is let go of when the client has everything or has gone. */
export const passOn = (
  reply: FastifyReply,
  answer: GuestReply,
  type: string,
  held: Disposable,
): FastifyReply => {
  reply.raw.once('close', () => held[Symbol.dispose]())
  const length = answer.headers['content-length']
  if (length !== undefined && /^\d{1,15}$/.test(length)) reply.header('content-length', length)
  return reply.type(type).header('x-content-type-options', 'nosniff').send(answer.body)
}
