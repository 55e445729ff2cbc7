// The rendered reference at /docs. Everything it needs comes from this server, and its page may talk to nobody else.

import reference from '@scalar/fastify-api-reference'
import type { ApiApp } from './app.ts'

const policy = [
  `default-src 'self'`,
  `script-src 'self' 'unsafe-inline' 'unsafe-eval'`,
  `style-src 'self' 'unsafe-inline'`,
  `img-src 'self' data: blob:`,
  `font-src 'self' data:`,
  `frame-ancestors 'none'`,
  `base-uri 'none'`,
].join('; ')

export const serveReference = async (app: ApiApp): Promise<void> => {
  await app.register(reference, {
    routePrefix: '/docs',
    configuration: {
      url: '/v1/openapi.json',
      pageTitle: 'PandaStack API',
      withDefaultFonts: false,
      telemetry: false,
      showDeveloperTools: 'never',
    },
    hooks: {
      onRequest(_request, reply, done) {
        reply.header('content-security-policy', policy)
        done()
      },
    },
  })
}
