// What a fault looks like from outside: `{"error": "<sentence>", "code": "<code>"}`, never a stack, never a 500 for
// something that the caller did. Whatever is not meant for callers is logged whole and told as `internal`.

import type { FastifyError } from 'fastify'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { ErrorCode } from '@pandastack/contracts/errors.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import type { ApiApp } from './app.ts'

export interface ErrorReply {
  status: number
  headers: Record<string, string>
  body: { error: string; code: ErrorCode; detail?: string }
}

export const registerErrors = (app: ApiApp, log: Log): void => {
  app.setErrorHandler((error, request, reply) => {
    const fault = forCaller(error)
    if (fault.code === 'internal') log.error({ err: error, request: request.id }, 'a request failed')
    // Without a cause it is a plain refusal, and the line of the request says all.
    else if (fault.status >= 500 && fault.cause !== undefined)
      log.warn({ err: error, request: request.id }, 'a request could not be served')
    const answer = toReply(fault)
    // Closing at once would cut off a client that still sends, and its answer with it; what it sends is dropped instead.
    if (fault.code === 'too_large') reply.removeHeader('connection')
    return reply
      .code(answer.status)
      .headers(answer.headers)
      .type('application/json; charset=utf-8')
      .send(answer.body)
  })
  app.setNotFoundHandler((_request, reply) => {
    const answer = toReply(new PandaError('not_found', 'not found'))
    return reply.code(answer.status).send(answer.body)
  })
}

export const toReply = (fault: PandaError): ErrorReply => ({
  status: fault.status,
  headers: {
    ...(fault.retryAfterSeconds !== undefined && { 'retry-after': String(fault.retryAfterSeconds) }),
    ...(fault.code === 'unauthorized' && { 'www-authenticate': 'Bearer' }),
  },
  // The published clients and scripts look for this exact word, the reason stands beside it.
  body:
    fault.code === 'unauthorized'
      ? { error: 'unauthorized', code: fault.code, detail: fault.message }
      : { error: fault.message, code: fault.code },
})

/** Any thrown thing as an error that may be told. */
export const forCaller = (error: unknown): PandaError => {
  if (error instanceof PandaError) return error
  if (!(error instanceof Error)) return internal(error)
  const { validation, validationContext, statusCode = 500, code } = error as Partial<FastifyError>
  if (validation)
    return new PandaError('invalid_request', firstIssue(validation, validationContext ?? 'body'))
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new PandaError('too_large', 'the body is too large')
  if (statusCode >= 400 && statusCode < 500) return new PandaError('invalid_request', error.message)
  return internal(error)
}

const internal = (cause: unknown): PandaError => new PandaError('internal', 'internal error', { cause })

const firstIssue = (issues: NonNullable<FastifyError['validation']>, context: string): string => {
  const [issue] = issues
  const path = (issue?.instancePath ?? '').split('/').filter(Boolean).join('.').slice(0, 100)
  const where = path === '' ? context : context === 'body' ? path : `${context} ${path}`
  return `${where}: ${(issue?.message ?? 'is not valid').slice(0, 300)}`
}
