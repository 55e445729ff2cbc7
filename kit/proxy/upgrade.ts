// Copies a WebSocket upgrade: the handshake through headers that may be rewritten, then bytes both ways until either
// side ends. A server that answers the handshake with an ordinary reply has that passed on instead.

import { ServerResponse } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { copyReply, head } from './exchange.ts'
import { endToEnd } from './headers.ts'
import { endWhenIdle, openUpstream, UpstreamError } from './upstream.ts'
import type { ProxyOptions } from './upstream.ts'

/** True for the only upgrade that is passed on. */
export const isWebSocketUpgrade = (request: IncomingMessage): boolean =>
  request.method === 'GET' && request.headers.upgrade?.trim().toLowerCase() === 'websocket'

/** How long one direction may outlive the other. */
const halfOpenMs = 2000

const ignore = (): void => undefined

/** As `proxyExchange`, for a request that came with the server's `upgrade` event. */
export const proxyUpgrade = async (
  request: IncomingMessage,
  socket: Duplex,
  firstBytes: Buffer,
  options: ProxyOptions,
): Promise<void> => {
  const { connection } = options
  const hangUp = (): void => void connection.destroy()
  socket.once('close', hangUp)
  socket.on('error', ignore)
  try {
    endWhenIdle(connection, options.idleTimeoutMs)
    const upstream = openUpstream('GET', options, [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
    ])
    const switched = switching(upstream)
    upstream.end()
    const answer = await Promise.race([switched, head(upstream, options.headTimeoutMs)])
    if (!('reply' in answer)) return await refuse(request, socket, answer, options)
    writeSwitch(socket, answer.reply, options)
    if (answer.rest.length > 0) socket.write(answer.rest)
    if (firstBytes.length > 0) connection.write(firstBytes)
    await carry(socket, connection)
  } finally {
    socket.off('close', hangUp)
    connection.destroy()
  }
}

/** Until both connections are closed. When one of them ends, the other gets what is left and then ends as well. */
const carry = (socket: Duplex, connection: Duplex): Promise<unknown> => {
  const destroyBoth = (): void => {
    socket.destroy()
    connection.destroy()
  }
  let timer: NodeJS.Timeout | undefined
  const oneHasEnded = (): void => {
    timer ??= setTimeout(destroyBoth, halfOpenMs)
  }
  const copy = (from: Duplex, to: Duplex): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    from.once('end', oneHasEnded)
    from.once('close', () => {
      oneHasEnded()
      to.end(() => to.destroy())
      resolve()
    })
    from.on('error', ignore)
    from.pipe(to)
    return promise
  }
  return Promise.all([copy(socket, connection), copy(connection, socket)]).finally(() => clearTimeout(timer))
}

interface Switched {
  reply: IncomingMessage
  rest: Buffer
}

const switching = (upstream: ClientRequest): Promise<Switched> => {
  const { promise, resolve } = Promise.withResolvers<Switched>()
  upstream.once('upgrade', (reply, _socket, rest) => resolve({ reply, rest }))
  return promise
}

const writeSwitch = (socket: Duplex, reply: IncomingMessage, options: ProxyOptions): void => {
  if (reply.headers.upgrade?.trim().toLowerCase() !== 'websocket') {
    throw new UpstreamError('the server switched to another protocol than was asked for')
  }
  const headers = [...endToEnd(reply.rawHeaders, options.rewriteReply), ...(options.replyHeaders ?? [])]
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines}\r\n`,
    'latin1',
  )
}

const refuse = async (
  request: IncomingMessage,
  socket: Duplex,
  reply: IncomingMessage,
  options: ProxyOptions,
): Promise<void> => {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as never)
  await copyReply(request, response, reply, options)
  response.detachSocket(socket as never)
  socket.end()
}

/** An answer of our own to an upgrade that is not passed on. */
export const answerUpgrade = (socket: Duplex, status: number, reason: string, body: string): void => {
  socket.on('error', ignore)
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
