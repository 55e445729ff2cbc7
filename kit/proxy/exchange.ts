// Copies one HTTP exchange: request to the server behind, reply to the client, both streamed with back pressure.

import { pipeline } from 'node:stream/promises'
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { endToEnd } from './headers.ts'
import type { Header } from './headers.ts'
import { endWhenIdle, openUpstream, UpstreamError } from './upstream.ts'
import type { ProxyOptions } from './upstream.ts'

/**
 * Resolves when the exchange is over, also when it broke off after the head (the client then sees a reply cut short).
 * Throws `UpstreamError` when nothing has been sent to the client yet.
 */
export const proxyExchange = async (
  request: IncomingMessage,
  response: ServerResponse,
  options: ProxyOptions,
): Promise<void> => {
  const { connection } = options
  const hangUp = (): void => void connection.destroy()
  response.once('close', hangUp)
  try {
    endWhenIdle(connection, options.idleTimeoutMs)
    const upstream = openUpstream(request.method ?? 'GET', options, bodyFraming(request))
    sendBody(request, upstream)
    const reply = await head(upstream, options.headTimeoutMs)
    await copyReply(request, response, reply, options)
  } finally {
    response.off('close', hangUp)
    connection.destroy()
  }
}

/** Hop-by-hop headers are gone from the list, so a body of unknown length is announced anew. */
const bodyFraming = (request: IncomingMessage): Header[] =>
  request.headers['transfer-encoding'] === undefined ? [] : [['Transfer-Encoding', 'chunked']]

const sendBody = (request: IncomingMessage, upstream: ClientRequest): void => {
  // Errors of the upstream side must not destroy the client's socket: the reply still goes out on it.
  upstream.on('error', () => request.unpipe(upstream))
  request.once('error', () => upstream.destroy())
  if (hasBody(request)) request.pipe(upstream)
  else upstream.end()
}

const hasBody = (request: IncomingMessage): boolean =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0

/** The head of the reply, within the time given to it. */
export const head = (upstream: ClientRequest, timeoutMs: number): Promise<IncomingMessage> => {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const fail = (why: string, cause?: unknown): void => reject(new UpstreamError(why, { cause }))
  const timer = setTimeout(() => upstream.destroy(new Error('no answer in time')), timeoutMs)
  upstream.once('response', resolve)
  upstream.once('error', (error) => fail(plain(error), error))
  upstream.once('close', () => {
    clearTimeout(timer)
    fail('the server closed the connection without an answer')
  })
  promise.then(
    () => clearTimeout(timer),
    () => clearTimeout(timer),
  )
  return promise
}

const plain = (error: Error): string => {
  if (error.message === 'no answer in time') return error.message
  // Some errors have numbers there.
  const code = String((error as { code?: unknown }).code ?? '')
  if (code.startsWith('HPE_')) return 'the server does not answer in HTTP'
  return 'the server closed the connection without an answer'
}

export const copyReply = async (
  request: IncomingMessage,
  response: ServerResponse,
  reply: IncomingMessage,
  options: Pick<ProxyOptions, 'rewriteReply' | 'replyHeaders'>,
): Promise<void> => {
  const headers = [...endToEnd(reply.rawHeaders, options.rewriteReply), ...(options.replyHeaders ?? [])]
  // The rest of a request body that nobody reads must not be taken for the next request.
  if (!request.complete) response.shouldKeepAlive = false
  try {
    response.writeHead(reply.statusCode ?? 502, headers.flat())
  } catch (error) {
    reply.destroy()
    throw new UpstreamError('the server sent headers that cannot be passed on', { cause: error })
  }
  response.flushHeaders()
  // A reply cut short shows at the client as one: its connection is destroyed with the pipeline.
  await pipeline(reply, response).catch(() => undefined)
}
