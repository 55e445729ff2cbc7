// The `Idempotency-Key` header, as core's options take it.

import type { FastifyRequest } from 'fastify'

export const idempotencyOf = (request: FastifyRequest): { idempotencyKey?: string } => {
  const key = request.headers['idempotency-key']
  return typeof key === 'string' && key !== '' ? { idempotencyKey: key } : {}
}
