// One HTTP request over a connection that is already open. Owns the connection from here on: it is closed with the
// request. What fails before the reply's head is an `UpstreamError`, so that the caller can still answer for itself.

import { request } from 'node:http'
import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Header, Rewrite } from './headers.ts'

export class UpstreamError extends Error {
  override name = 'UpstreamError'
}

export interface ProxyOptions {
  /** Raw bytes to the server behind. Closed when the exchange is over, however it ends. */
  connection: Duplex
  /** Path and query, in origin form. */
  target: string
  /** Without hop-by-hop headers (`endToEnd`), with the Host that the server behind is to see. */
  requestHeaders: readonly Header[]
  rewriteReply: Rewrite
  /** Set on every reply beside the server's own. */
  replyHeaders?: readonly Header[]
  headTimeoutMs: number
  /** Longest time without a byte in either direction; known of sockets only. */
  idleTimeoutMs: number
}

export const openUpstream = (
  method: string,
  options: ProxyOptions,
  extra: readonly Header[] = [],
): ClientRequest => {
  try {
    const upstream = request({
      createConnection: () => options.connection as never,
      method,
      path: options.target,
      headers: [...options.requestHeaders, ...extra].flat(),
      setHost: false,
      maxHeaderSize: 65_536,
    })
    // Whoever opened the connection may have paused it, so as to lose nothing; a listener for data does not undo that.
    upstream.once('socket', () => options.connection.resume())
    return upstream
  } catch (error) {
    options.connection.destroy()
    throw new UpstreamError('the request cannot be passed on', { cause: error })
  }
}

/** Ends a connection on which no byte has passed in either direction for that long, where its kind can tell. */
export const endWhenIdle = (connection: Duplex, idleMs: number): void => {
  if (!('setTimeout' in connection)) return
  const socket = connection as Socket
  socket.setTimeout(idleMs, () => socket.destroy(new Error(`no byte for ${idleMs} ms`)))
}
