// Registers a handler for a path and everything below it, under every method, each described as an operation of its own.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { ZodObject } from 'zod'
import type { ApiApp } from '../../../app.ts'

export interface Passage {
  url: string
  /** With the method behind it: the operation. */
  operation: string
  summary: string
  params: ZodObject
  /** Without a key. */
  open: boolean
  handler(request: FastifyRequest, reply: FastifyReply): Promise<unknown>
}

export const everyMethod = (
  app: ApiApp,
  { url, operation, summary, params, open, handler }: Passage,
): void => {
  for (const method of app.supportedMethods) {
    const route = { method, exposeHeadRoute: false, config: { public: open }, handler }
    app.route({ ...route, url, schema: { hide: true } })
    app.route({
      ...route,
      url: `${url}/*`,
      schema: {
        operationId: operation + method.charAt(0) + method.slice(1).toLowerCase(),
        summary,
        tags: ['ports'],
        params: params.extend({ '*': z.string() }),
        open,
        // OpenAPI 3.1 has no place for it.
        hide: method === 'QUERY',
        answers: {
          101: { description: 'A WebSocket to the port' },
          200: { description: 'Whatever the port answers', types: ['*/*'] },
        },
      },
    })
  }
}
