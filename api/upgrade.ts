// WebSocket upgrades take the same road as any request: router, request id, authentication, validation. The socket
// waits beside the request; a handler that wants it takes it with `takeUpgrade` after `reply.hijack()`. Whatever else
// is answered (401, 404, a plain GET route) goes out as an ordinary HTTP reply, and the connection is closed.

import { ServerResponse } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import type { ApiApp } from './app.ts'

export interface Upgrade {
  request: IncomingMessage
  socket: Duplex
  head: Buffer
}

interface Waiting extends Upgrade {
  release(): void
}

const waiting = new WeakMap<IncomingMessage, Waiting>()

/** For the server's `upgrade` event. */
export const routeUpgrade = (app: ApiApp, request: IncomingMessage, socket: Duplex, head: Buffer): void => {
  const response = new ServerResponse(request)
  const onError = (): void => {
    socket.destroy()
  }
  socket.on('error', onError)
  response.shouldKeepAlive = false
  response.assignSocket(socket as never)
  const end = (): void => {
    socket.end()
  }
  response.once('finish', end)
  const release = (): void => {
    response.off('finish', end)
    response.detachSocket(socket as never)
    socket.off('error', onError)
    waiting.delete(request)
  }
  waiting.set(request, { request, socket, head, release })
  app.routing(request, response as never)
}

/** True when the request asks for an upgrade that nobody has taken yet. */
export const isUpgrade = (request: FastifyRequest): boolean => waiting.has(request.raw)

/** Hands the socket over, for `WebSocketServer.handleUpgrade`. Call `reply.hijack()` first; null on a plain request. */
export const takeUpgrade = (request: FastifyRequest): Upgrade | null => {
  const found = waiting.get(request.raw)
  if (!found) return null
  found.release()
  return { request: found.request, socket: found.socket, head: found.head }
}
