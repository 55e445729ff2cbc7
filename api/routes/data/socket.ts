// The server's end of a WebSocket: messages handled one after another, sends that wait for room, pings, a size limit
// on messages. Closed when its client is silent for two pings, and with its owner's scope.

import { WebSocketServer } from 'ws'
import type { RawData, WebSocket } from 'ws'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { isUpgrade, takeUpgrade } from '../../upgrade.ts'
import { clientGone } from '../../hangup.ts'

const pingMs = 20_000
const messageMaxBytes = 1024 * 1024

const acceptor = new WebSocketServer({
  noServer: true,
  maxPayload: messageMaxBytes,
  perMessageDeflate: false,
  clientTracking: false,
})

export type Message = { text: string } | { bytes: Buffer }
type Handler = (message: Message) => Promise<void> | void

export interface Peer extends AsyncDisposable {
  /** Aborts when the connection is over. */
  signal: AbortSignal
  /** Resolves when the message has left for the network; rejects when the client has gone. */
  send(message: string | Uint8Array): Promise<void>
  /** Nothing more is read from the client while a handler is at work. A handler that throws ends the connection. */
  onMessage(handler: Handler): void
}

/** Takes the socket of an upgrade request; 400 on any other. */
export const acceptSocket = async (request: FastifyRequest, reply: FastifyReply): Promise<Peer> => {
  if (!isUpgrade(request) || request.headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new PandaError('invalid_request', 'this endpoint speaks WebSocket only')
  }
  reply.hijack()
  const upgrade = takeUpgrade(request)
  if (!upgrade) throw new PandaError('invalid_request', 'this endpoint speaks WebSocket only')
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>()
  upgrade.socket.once('close', () => reject(clientGone()))
  acceptor.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, resolve)
  return peerOf(await promise)
}

const peerOf = (socket: WebSocket): Peer => {
  const closed = new AbortController()
  // Errors of the protocol or the network are followed by `close`.
  socket.on('error', () => undefined)
  const pings = keepAlive(socket)
  // A client may speak before there is a handler: what it says then waits, and nothing more is read.
  const { promise: handled, resolve: setHandler } = Promise.withResolvers<Handler>()
  handleInTurn(socket, async (message) => (await handled)(message))
  socket.once('close', () => {
    clearInterval(pings)
    closed.abort(clientGone())
  })
  return {
    signal: closed.signal,
    send: (message) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      socket.send(message, { binary: typeof message !== 'string' }, (error) =>
        error ? reject(clientGone()) : resolve(),
      )
      return promise
    },
    onMessage: setHandler,
    async [Symbol.asyncDispose]() {
      setHandler(() => undefined)
      socket.close(1000)
      if (!closed.signal.aborted) {
        const timer = setTimeout(() => socket.terminate(), 2000)
        closed.signal.addEventListener('abort', () => clearTimeout(timer))
      }
    },
  }
}

const keepAlive = (socket: WebSocket): NodeJS.Timeout => {
  let missed = 0
  socket.on('pong', () => (missed = 0))
  return setInterval(() => {
    missed += 1
    if (missed > 2) socket.terminate()
    else socket.ping()
  }, pingMs)
}

const handleInTurn = (socket: WebSocket, handler: Handler): void => {
  let turn = Promise.resolve()
  let waiting = 0
  socket.on('message', (data: RawData, isBinary: boolean) => {
    const bytes = data as Buffer
    waiting += 1
    socket.pause()
    turn = turn
      .then(() => handler(isBinary ? { bytes } : { text: bytes.toString('utf8') }))
      .catch(() => socket.terminate())
      .finally(() => {
        waiting -= 1
        if (waiting === 0) socket.resume()
      })
  })
}
