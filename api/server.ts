// Our HTTP API as a fastify instance that listens to nothing yet: /v1 behind a key, and beside it the few paths that
// tell about the server itself.

import Fastify from 'fastify'
import type { FastifyReply, FastifyServerFactory } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { registerAccessLog } from './access-log.ts'
import type { ApiApp, ApiDeps } from './app.ts'
import { registerAuth, requireCaller } from './auth.ts'
import { acceptJson } from './body.ts'
import { serveReference } from './docs.ts'
import { forCaller, registerErrors, toReply } from './errors.ts'
import { describeRoutes, serveDocument } from './openapi.ts'
import { registerRequestId, requestIdOf } from './request-id.ts'
import { registerControl } from './routes/control/register.ts'
import { registerSystem } from './routes/control/system/register.ts'
import { registerData } from './routes/data/register.ts'

const bodyMaxBytes = 1024 * 1024
/** Signed preview links carry their token in the path. */
const paramMaxLength = 20_000

export const buildApi = async (
  deps: ApiDeps,
  options: { serverFactory?: FastifyServerFactory } = {},
): Promise<ApiApp> => {
  const app: ApiApp = Fastify({
    bodyLimit: bodyMaxBytes,
    genReqId: (request) => requestIdOf(request),
    requestIdHeader: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: paramMaxLength, querystringParser: parseQuery },
    frameworkErrors: (error, _request, reply: FastifyReply) => {
      const answer = toReply(forCaller(error))
      void reply.code(answer.status).headers(answer.headers).send(answer.body)
    },
    ...(options.serverFactory && { serverFactory: options.serverFactory }),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  registerErrors(app, deps.log)
  registerRequestId(app)
  registerAccessLog(app, deps)
  registerAuth(app, deps.core)
  await describeRoutes(app, deps.config)
  await app.register(
    async (scope: ApiApp) => {
      requireCaller(scope)
      acceptJson(scope)
      await scope.register(async (control: ApiApp) => registerControl(control, deps))
      await scope.register(async (data: ApiApp) => registerData(data, deps))
    },
    { prefix: '/v1' },
  )
  await app.register(async (scope: ApiApp) => registerSystem(scope, deps))
  serveDocument(app)
  await serveReference(app)
  return app
}

/** Of a parameter given twice the last one counts; none is ever an array. */
const parseQuery = (text: string): Record<string, string> => {
  const query: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(text)) query[name] = value
  return query
}
