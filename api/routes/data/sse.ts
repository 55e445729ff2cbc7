// Server-sent events as the published clients read them: LF only, one event a blank line apart, JSON in ASCII (one of
// the clients takes the bytes for Latin-1 and cuts lines at U+2028), and comments to keep the connection alive.

import { once } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'

const pingMs = 10_000

/** JSON with every character beyond ASCII as `\uXXXX`. */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

export const sseEvent = (event: string, data: unknown): string =>
  `event: ${event}\ndata: ${asciiJson(data)}\n\n`

/** For routes that answer with one JSON to everybody else. */
export const wantsEvents = (request: FastifyRequest): boolean =>
  (request.headers.accept ?? '').includes('text/event-stream')

export interface EventStream extends AsyncDisposable {
  /** Resolves when the client has room for more; rejects when it has gone. */
  send(event: string, data: unknown): Promise<void>
}

/** Sends the head and owns the reply from here on; disposing ends it. */
export const openEventStream = (reply: FastifyReply, signal: AbortSignal): EventStream => {
  reply.hijack()
  const { raw } = reply
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value)
  }
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  raw.flushHeaders()
  const ping = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(': ping\n\n')
  }, pingMs)
  return {
    async send(event, data) {
      signal.throwIfAborted()
      if (!raw.write(sseEvent(event, data))) await once(raw, 'drain', { signal })
    },
    async [Symbol.asyncDispose]() {
      clearInterval(ping)
      raw.end()
    },
  }
}
