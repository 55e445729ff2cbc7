// The types that every route file shares: the fastify instance with zod schemas, and what routes are given.

import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
} from 'fastify'
import type { RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Core } from '@pandastack/core/core.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import type { Metrics } from '@pandastack/kit/metrics/metrics.ts'

export type ApiApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  ZodTypeProvider
>

export interface ApiConfig {
  /** Where clients reach this server, without a trailing slash: for links in replies. */
  publicUrl: string
  version: string
  /** Suffix of preview host names (`<port>-<sandbox>.<suffix>`), with a port when it is not the scheme's own. */
  previewSuffix: string
}

export interface ApiDeps {
  core: Core
  log: Log
  metrics: Metrics
  config: ApiConfig
}
