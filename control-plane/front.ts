// The HTTP server in front of API and edge: which of the two a request is for is decided by its host name, once. Whatever
// could be read in two ways (two Host headers, a URL that names another host) is refused here.
//
// Owns the listening socket's limits. A body may take as long as it likes while bytes keep coming; a body that stalls,
// unless it is we who are not reading, is given up.

import { STATUS_CODES, createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ApiApp } from '@pandastack/api/app.ts'
import { routeUpgrade } from '@pandastack/api/upgrade.ts'
import type { Edge } from '@pandastack/edge/edge.ts'
import { hostOf } from './host-name.ts'

export interface Front {
  serverFactory(handler: (request: IncomingMessage, response: ServerResponse) => void): Server
  /** Where upgrades go that are not for the edge. */
  serve(app: ApiApp): void
  /** Ends connections that were upgraded: the server itself has forgotten them. */
  endUpgraded(): void
}

const headersTimeoutMs = 15_000
const keepAliveTimeoutMs = 75_000
const headerMaxBytes = 32_768
const stallMs = 60_000

export const createFront = (options: { edge: Edge; connectionsMax: number }): Front => {
  const { edge } = options
  const upgraded = new Set<Duplex>()
  let api: ApiApp | null = null

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    upgraded.add(socket)
    socket.once('close', () => upgraded.delete(socket))
    const host = hostOf(request)
    if (host === null || !api) refuse(socket, 400, 'the request names its host in more than one way')
    else if (edge.matches(host)) edge.upgrade(request, socket, head)
    else routeUpgrade(api, request, socket, head)
  }

  return {
    serverFactory(handler) {
      const server = createServer(
        {
          maxHeaderSize: headerMaxBytes,
          headersTimeout: headersTimeoutMs,
          requestTimeout: 0,
          keepAliveTimeout: keepAliveTimeoutMs,
          connectionsCheckingInterval: 5000,
          // Any other upgrade, such as to HTTP/2, is answered as if it had not been offered.
          shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
        },
        (request, response) => {
          const host = hostOf(request)
          if (host === null) return answer(response, 400, 'the request names its host in more than one way')
          giveUpStalled(request)
          if (edge.matches(host)) edge.handle(request, response)
          else handler(request, response)
        },
      )
      server.maxConnections = options.connectionsMax
      server.on('upgrade', onUpgrade)
      server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
        if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
        else if (error.code === 'HPE_HEADER_OVERFLOW') refuse(socket, 431, 'the header is too large')
        else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') refuse(socket, 408, 'the request took too long')
        else refuse(socket, 400, 'the request is not valid HTTP')
      })
      return server
    },
    serve(app) {
      api = app
    },
    endUpgraded() {
      for (const socket of upgraded) socket.destroy()
    },
  }
}

/** Nothing has come for a while although we were ready to read. */
const giveUpStalled = (request: IncomingMessage): void => {
  if (request.complete || !hasBody(request)) return
  let seenBytes = request.socket.bytesRead
  const timer = setInterval(() => {
    const nowBytes = request.socket.bytesRead
    if (request.complete) clearInterval(timer)
    else if (nowBytes === seenBytes && request.readableLength === 0) request.socket.destroy()
    seenBytes = nowBytes
  }, stallMs)
  timer.unref()
  request.once('close', () => clearInterval(timer))
}

const hasBody = (request: IncomingMessage): boolean =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0

const errorBody = (message: string): string => JSON.stringify({ error: message, code: 'invalid_request' })

const answer = (response: ServerResponse, status: number, message: string): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' })
  response.end(errorBody(message))
}

const refuse = (socket: Duplex, status: number, message: string): void => {
  const body = errorBody(message)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
  socket.once('error', () => socket.destroy())
}
