// Who asks. A hook on every route under /v1 finds the caller behind the credential; routes marked
// `config: { public: true }` are served without one. The tenant comes from the key alone.
//
// Credentials, in this order: `Authorization: Bearer`, `X-API-Key`, and `?access_token=` where a browser can set no
// header: GET of a WebSocket or an event stream. The parameter is removed before anything logs or forwards the URL.

import type { FastifyRequest } from 'fastify'
import type { Caller, Core } from '@pandastack/core/core.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { ApiApp } from './app.ts'

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null
  }
  interface FastifyContextConfig {
    public?: boolean
    /** Asked so often that its log lines are only for debugging. */
    quiet?: boolean
  }
  interface FastifyInstance {
    /** The caller behind the request's credential; throws 401. Routes under /v1 need not call it: the hook has. */
    authenticate(request: FastifyRequest): Promise<Caller>
  }
}

export const registerAuth = (app: ApiApp, core: Core): void => {
  app.decorateRequest('caller', null)
  app.decorate('authenticate', async (request) => {
    const key = credentialOf(request)
    if (key === null) throw new PandaError('unauthorized', 'missing bearer token')
    const caller = await core.authenticate(key, request.id)
    if (!caller) throw new PandaError('unauthorized', 'invalid api token')
    request.caller = caller
    return caller
  })
}

/** Makes every route of a scope demand a caller unless its config says `public`. */
export const requireCaller = (scope: ApiApp): void => {
  scope.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.public || request.is404) return
    await scope.authenticate(request)
  })
}

/** The caller of a request that passed the hook. */
export const callerOf = (request: FastifyRequest): Caller => {
  if (!request.caller) throw new PandaError('unauthorized', 'missing bearer token')
  return request.caller
}

/** The key that a request carries, or null. */
export const credentialOf = (request: FastifyRequest): string | null => {
  const fromQuery = takeAccessToken(request)
  const bearer = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
  if (bearer) return bearer
  const apiKey = request.headers['x-api-key']
  if (typeof apiKey === 'string' && apiKey !== '') return apiKey
  return fromQuery
}

const takeAccessToken = (request: FastifyRequest): string | null => {
  const query = request.query as Record<string, unknown>
  const value = query['access_token']
  if (value === undefined) return null
  delete query['access_token']
  request.raw.url = withoutAccessToken(request.raw.url ?? '/')
  return typeof value === 'string' && streams(request) ? value : null
}

/** Cuts the parameter out of the text, so that nothing else of the URL is written differently. */
const withoutAccessToken = (url: string): string => {
  const mark = url.indexOf('?')
  if (mark < 0) return url
  const kept = url
    .slice(mark + 1)
    .split('&')
    .filter((pair) => !new URLSearchParams(pair).has('access_token'))
  return url.slice(0, mark) + (kept.length > 0 ? `?${kept.join('&')}` : '')
}

const streams = (request: FastifyRequest): boolean =>
  request.method === 'GET' &&
  (request.headers.upgrade?.toLowerCase() === 'websocket' ||
    (request.headers.accept ?? '').includes('text/event-stream'))
