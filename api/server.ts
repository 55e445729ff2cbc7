// Our HTTP API, /v1, as a fastify instance that listens to nothing yet.

import Fastify from 'fastify'
import type { FastifyServerFactory } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { ApiApp, ApiDeps } from './app.ts'
import { registerAuth, requireCaller } from './auth.ts'
import { registerData } from './routes/data/register.ts'

export const buildApi = async (
  deps: ApiDeps,
  options: { serverFactory?: FastifyServerFactory } = {},
): Promise<ApiApp> => {
  const app: ApiApp = Fastify({
    ...(options.serverFactory && { serverFactory: options.serverFactory }),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  registerAuth(app, deps.core)
  await app.register(
    async (scope: ApiApp) => {
      requireCaller(scope)
      await registerData(scope, deps)
    },
    { prefix: '/v1' },
  )
  return app
}
