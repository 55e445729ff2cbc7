// Carries one request of the API to a port inside a sandbox, an upgrade included. Until the connection to the port
// stands, failures are ordinary error replies.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { agentPort } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { OpenSandbox } from '@pandastack/core/core.ts'
import { proxyExchange } from '@pandastack/kit/proxy/exchange.ts'
import { answerUpgrade, isWebSocketUpgrade, proxyUpgrade } from '@pandastack/kit/proxy/upgrade.ts'
import { UpstreamError } from '@pandastack/kit/proxy/upstream.ts'
import { isUpgrade, takeUpgrade } from '../../../upgrade.ts'
import { hangupOf } from '../../../hangup.ts'
import { forCaller } from '../guest/faults.ts'
import { guestHeaders, isolation, replyHeader } from './hygiene.ts'

const headTimeoutMs = 300_000
const idleTimeoutMs = 3_600_000

/** The number behind `/proxy/`, or 404 for what is none and for the ports of the system. */
export const guestPort = (text: string): number => {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535 || port === agentPort) throw new PandaError('not_found', 'no such port')
  return port
}

/** `prefix`: the part of the path that is ours; what follows it is the guest's target. */
export const forward = async (
  request: FastifyRequest,
  reply: FastifyReply,
  sandbox: OpenSandbox,
  to: { port: number; prefix: string; target: string },
): Promise<void> => {
  if (isUpgrade(request) && !isWebSocketUpgrade(request.raw)) {
    throw new PandaError('invalid_request', 'no upgrade but WebSocket is passed on')
  }
  const connection = await sandbox.tunnel(to.port, hangupOf(reply)).catch((error: unknown) => {
    throw forCaller(error)
  })
  const options = {
    connection,
    target: to.target,
    requestHeaders: guestHeaders(request.raw, to.port, to.prefix),
    rewriteReply: replyHeader,
    replyHeaders: [...isolation, ['X-Request-Id', request.id] as const],
    headTimeoutMs,
    idleTimeoutMs,
  }
  reply.hijack()
  const upgrade = takeUpgrade(request)
  try {
    if (upgrade) await proxyUpgrade(upgrade.request, upgrade.socket, upgrade.head, options)
    else await proxyExchange(request.raw, reply.raw, options)
  } catch (error) {
    const body = JSON.stringify({ error: `upstream: ${sentence(error)}`, code: 'upstream' })
    if (upgrade) answerUpgrade(upgrade.socket, 502, 'Bad Gateway', body)
    else refuse(request, reply, body)
  }
}

const sentence = (error: unknown): string =>
  error instanceof UpstreamError ? error.message : 'the exchange failed'

const refuse = (
  { raw: request, id }: FastifyRequest,
  { raw: response }: FastifyReply,
  body: string,
): void => {
  if (response.headersSent || response.destroyed) return void response.destroy()
  if (!request.complete) response.shouldKeepAlive = false
  response.writeHead(502, { 'content-type': 'application/json; charset=utf-8', 'x-request-id': id }).end(body)
}
