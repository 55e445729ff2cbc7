// Prometheus metrics: for this machine itself, and for whoever has a key. A request that a proxy passed on is not from
// this machine, whatever its connection looks like.

import type { FastifyRequest } from 'fastify'
import type { ApiApp, ApiDeps } from '../../../app.ts'

const schema = {
  operationId: 'readServerMetrics',
  summary: 'Metrics of the server for Prometheus; without a key from its own machine only',
  tags: ['system'],
  answers: { 200: { description: 'Metrics', types: ['text/plain'] } },
}

export const serveMetrics = (app: ApiApp, { metrics }: ApiDeps): void => {
  app.get('/metrics', { schema, config: { quiet: true } }, async (request, reply) => {
    if (!isLocal(request)) await app.authenticate(request)
    return reply.type(metrics.registry.contentType).send(await metrics.text())
  })
}

const loopback = /^(127\.|::1$|::ffff:127\.)/

const isLocal = (request: FastifyRequest): boolean =>
  loopback.test(request.socket.remoteAddress ?? '') &&
  request.headers['x-forwarded-for'] === undefined &&
  request.headers['forwarded'] === undefined
