// What the tests over plain HTTP and WebSocket share: requests that are sent exactly as written, sockets as queues of
// messages, and sandboxes that are deleted when their suite is over.

import http from 'node:http'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { WebSocket } from 'ws'

export const api = (): string => process.env['PANDASTACK_API'] ?? ''
export const key = (): string => process.env['PANDASTACK_API_KEY'] ?? ''

export interface Asking {
  headers?: Record<string, string>
  body?: string | Buffer | Readable
  /** No key unless it is given in the headers. */
  bare?: boolean
}

/** A request whose body is still to be written. */
export const begin = (
  method: string,
  path: string,
  headers: Record<string, string> = {},
): http.ClientRequest => {
  const { hostname, port } = new URL(api())
  const all = { authorization: `Bearer ${key()}`, ...headers }
  return http.request({ hostname, port, method, path, headers: all, agent: false })
}

/** The reply's head; its body is for the caller to read. The path goes out byte for byte. */
export const send = async (method: string, path: string, asking: Asking = {}): Promise<IncomingMessage> => {
  const { hostname, port } = new URL(api())
  const headers = { ...(!asking.bare && { authorization: `Bearer ${key()}` }), ...asking.headers }
  const request = http.request({ hostname, port, method, path, headers, agent: false })
  const { body } = asking
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) request.end(body)
  else body.pipe(request)
  const [reply] = (await once(request, 'response')) as [IncomingMessage]
  return reply
}

export const bytesOf = async (stream: AsyncIterable<Buffer>): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(stream))

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  text: string
  bytes: Buffer
  // A test looks into it as it likes, and fails when it is not what it thought.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

export const ask = async (method: string, path: string, asking?: Asking): Promise<Answer> => {
  const reply = await send(method, path, asking)
  const bytes = await bytesOf(reply)
  const text = bytes.toString('utf8')
  return {
    status: reply.statusCode ?? 0,
    headers: reply.headers,
    text,
    bytes,
    get body() {
      return text === '' ? null : JSON.parse(text)
    },
  }
}

/** JSON in, JSON out. */
export const call = (
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  ask(method, path, {
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })

export interface Box {
  id: string
  path: string
  exec(cmd: string): Promise<{ stdout: string; stderr: string; exit_code: number }>
}

export const createBox = async (wish: object = {}): Promise<Box & AsyncDisposable> => {
  const made = await call('POST', '/v1/sandboxes', { template: 'agent', ttl_seconds: 900, ...wish })
  if (made.status !== 201) throw new Error(`no sandbox: ${made.status} ${made.text}`)
  return boxOf(made.body.id)
}

/** One that is there already, such as a fork; disposing deletes it as well. */
export const boxOf = (id: string): Box & AsyncDisposable => {
  const path = `/v1/sandboxes/${id}`
  return {
    id,
    path,
    exec: async (cmd) => (await call('POST', `${path}/exec`, { cmd, timeout_seconds: 60 })).body,
    async [Symbol.asyncDispose]() {
      await call('DELETE', path)
    },
  }
}

export type Heard = { text: string } | { bytes: Buffer }

export interface Line {
  send(message: string | Buffer): void
  sendJson(message: unknown): void
  /** The next message; rejects when the connection has closed. */
  next(): Promise<Heard>
  /** The next messages until one of them is wanted, that one included. */
  until(wanted: (heard: Heard, all: Heard[]) => boolean): Promise<Heard[]>
  closed: Promise<number>
  close(): void
}

export const dial = async (path: string, headers?: Record<string, string>): Promise<Line> => {
  const socket = new WebSocket(`${api().replace(/^http/, 'ws')}${path}`, {
    headers: headers ?? { authorization: `Bearer ${key()}` },
    perMessageDeflate: false,
  })
  const heard: Heard[] = []
  const waiting: (() => void)[] = []
  const wake = (): void => waiting.splice(0).forEach((one) => one())
  let over = false
  socket.on('message', (data: Buffer, binary) => {
    heard.push(binary ? { bytes: data } : { text: data.toString('utf8') })
    wake()
  })
  const closed = new Promise<number>((resolve) => {
    socket.on('close', (code) => {
      over = true
      wake()
      resolve(code)
    })
  })
  await once(socket, 'open')
  const next = async (): Promise<Heard> => {
    while (heard.length === 0) {
      if (over) throw new Error('the connection has closed')
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    return heard.shift() as Heard
  }
  return {
    next,
    closed,
    send: (message) => socket.send(message),
    sendJson: (message) => socket.send(JSON.stringify(message)),
    async until(wanted) {
      const all: Heard[] = []
      for (;;) {
        const one = await next()
        all.push(one)
        if (wanted(one, all)) return all
      }
    },
    close: () => socket.close(),
  }
}

/** The status with which an upgrade is refused. */
export const refusedUpgrade = async (path: string, headers: Record<string, string>): Promise<number> => {
  const socket = new WebSocket(`${api().replace(/^http/, 'ws')}${path}`, { headers })
  const [, reply] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  socket.on('error', () => undefined)
  reply.destroy()
  return reply.statusCode ?? 0
}

export interface Sent {
  event: string
  data: string
}

/** Events of a stream, as they come. Whatever is no event or comment in exactly our form is an error. */
export async function* eventsOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Sent> {
  let held = ''
  for await (const chunk of stream) {
    held += chunk.toString('latin1')
    for (let end = held.indexOf('\n\n'); end >= 0; end = held.indexOf('\n\n')) {
      const block = held.slice(0, end)
      held = held.slice(end + 2)
      if (block.startsWith(': ')) continue
      const [, event, data] = /^event: (\w+)\ndata: ([\x20-\x7e]*)$/.exec(block) ?? []
      if (event === undefined || data === undefined) throw new Error(`not an event: ${JSON.stringify(block)}`)
      yield { event, data }
    }
  }
  if (held !== '') throw new Error(`a piece of an event: ${JSON.stringify(held)}`)
}
