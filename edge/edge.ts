// Ingress to ports inside sandboxes, by host name: admit, open a tunnel, copy one exchange. Keeps nothing between
// requests; each has a connection of its own, so none is ever shared between strangers.

import { STATUS_CODES } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { GuestUnreachable, PortClosed } from '@pandastack/core/ports/guest-port.ts'
import type { Caller, Core, OpenSandbox } from '@pandastack/core/core.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import { proxyExchange } from '@pandastack/kit/proxy/exchange.ts'
import { countHeader } from '@pandastack/kit/proxy/headers.ts'
import { isWebSocketUpgrade, proxyUpgrade } from '@pandastack/kit/proxy/upgrade.ts'
import { UpstreamError } from '@pandastack/kit/proxy/upstream.ts'
import type { ProxyOptions } from '@pandastack/kit/proxy/upstream.ts'
import { admit } from './admit.ts'
import type { Admission } from './admit.ts'
import { isOurs, parseHost } from './host-name.ts'
import type { Destination } from './host-name.ts'
import { guestHeaders, replyRewrite, tokenCookie } from './hygiene.ts'

const headTimeoutMs = 300_000
const idleTimeoutMs = 3_600_000

export interface Edge {
  matches(host: string): boolean
  handle(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export interface EdgeOptions {
  core: Pick<Core, 'sandboxes' | 'previews'>
  log: Log
  /** Without the port and sandbox; may carry the port that links need. */
  suffix: string
  verifyKey(key: string, requestId: string): Promise<Caller | null>
  /** True when clients reach us over TLS. */
  secure?: boolean
}

export const createEdge = (options: EdgeOptions): Edge => ({
  matches: (host) => isOurs(host, options.suffix),
  handle(request, response) {
    serve(options, request, response).catch((error: unknown) => {
      const { status, headers, body } = answerOf(error, options.log)
      if (response.headersSent) return void response.destroy()
      if (!request.complete) response.shouldKeepAlive = false
      response.writeHead(status, headers).end(body)
    })
  },
  upgrade(request, socket, head) {
    socket.on('error', () => socket.destroy())
    serveUpgrade(options, request, socket, head).catch((error: unknown) => {
      const { status, headers, body } = answerOf(error, options.log)
      const lines = Object.entries({ ...headers, connection: 'close' }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      )
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`)
    })
  },
})

const serve = async (
  options: EdgeOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const to = destinationOf(options, request)
  const admission = await admit(options, request, to)
  if (admission.kind === 'exchange') return exchange(options, admission, response)
  using inUse = admission.sandbox.use()
  void inUse
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  await proxyExchange(request, response, await proxied(options, request, to, admission, gone.signal))
}

const serveUpgrade = async (
  options: EdgeOptions,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> => {
  if (!isWebSocketUpgrade(request)) {
    throw new PandaError('invalid_request', 'no upgrade but WebSocket is passed on')
  }
  const to = destinationOf(options, request)
  const admission = await admit(options, request, to)
  if (admission.kind === 'exchange')
    throw new PandaError('invalid_request', 'the token cannot be exchanged here')
  using inUse = admission.sandbox.use()
  void inUse
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  await proxyUpgrade(request, socket, head, await proxied(options, request, to, admission, gone.signal))
}

const destinationOf = (options: EdgeOptions, request: IncomingMessage): Destination => {
  const to = parseHost(request.headers.host ?? '', options.suffix)
  // Two names would be one for us and another for the server behind.
  if (!to || countHeader(request.rawHeaders, 'host') !== 1) throw new PandaError('not_found', 'no such host')
  return to
}

const proxied = async (
  options: EdgeOptions,
  request: IncomingMessage,
  to: Destination,
  { sandbox, target }: { sandbox: OpenSandbox; target: string },
  signal: AbortSignal,
): Promise<ProxyOptions> => ({
  connection: await sandbox.tunnel(to.port, signal),
  target,
  requestHeaders: guestHeaders(request, to, options.secure ?? false),
  rewriteReply: replyRewrite(to),
  headTimeoutMs,
  idleTimeoutMs,
})

const exchange = (
  options: EdgeOptions,
  { token, target }: Extract<Admission, { kind: 'exchange' }>,
  response: ServerResponse,
): void => {
  const secure = options.secure ? '; Secure' : ''
  response
    .writeHead(303, {
      // One slash: two would name another host.
      location: `/${target.replace(/^[/\\]+/, '')}`,
      'set-cookie': `${tokenCookie}=${token}; Path=/; HttpOnly; SameSite=Lax${secure}`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    })
    .end()
}

const answerOf = (
  error: unknown,
  log: Log,
): { status: number; headers: Record<string, string | number>; body: string } => {
  const fault = faultOf(error)
  if (fault.code === 'internal') log.error({ err: error }, 'a request of the edge failed')
  const body = JSON.stringify({ error: fault.message, code: fault.code })
  return {
    status: fault.status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    },
    body,
  }
}

const faultOf = (error: unknown): PandaError => {
  if (error instanceof PandaError) return error
  if (error instanceof UpstreamError || error instanceof PortClosed) {
    return new PandaError('upstream', `upstream: ${error.message}`, { cause: error })
  }
  if (error instanceof GuestUnreachable) {
    return new PandaError('unavailable', 'the sandbox does not answer', {
      cause: error,
      retryAfterSeconds: 1,
    })
  }
  return new PandaError('internal', 'internal error', { cause: error })
}
