// One place through which every request of this client goes: URL, key, deadlines, errors, and the waiting that a server
// under load asks for. Holds no state; undici's global pool owns the sockets.

import { errorFromReply, Unreachable } from './errors.ts'

export interface ClientOptions {
  /** For example `http://127.0.0.1:4280`; a trailing `/v1` is accepted. */
  url: string
  key: string
}

type Body = NonNullable<RequestInit['body']>

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/v1`, unless it starts with `//`, which means from the root. */
  path: string
  query?: Record<string, string | number | undefined>
  json?: unknown
  body?: Body
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  /** Longest wait for the reply's head; 0: as long as it takes. */
  headMs?: number
  /** Wait and repeat when the server says it is full for now. Only for requests that may be repeated. */
  patienceMs?: number
}

export interface Connection {
  readonly url: string
  readonly key: string
  /** The reply, its status already known to be good. The caller reads or cancels its body. */
  open(call: Call): Promise<Response>
  json<T>(call: Call): Promise<T>
  none(call: Call): Promise<void>
}

const defaultHeadMs = 60_000

/** The origin and base path that `/v1/…` is put behind. */
export const baseUrl = (url: string): string => {
  const parsed = new URL(url)
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
    throw new TypeError(`${url} is no http URL`)
  return `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, '').replace(/\/v1$/, '')
}

export const callUrl = (base: string, call: Pick<Call, 'path' | 'query'>): string => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(call.query ?? {}))
    if (value !== undefined) query.set(name, String(value))
  const path = call.path.startsWith('//') ? call.path.slice(1) : `/v1${call.path}`
  return `${base}${path}${query.size > 0 ? `?${query}` : ''}`
}

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = (cause as { code?: unknown }).code
  return cause instanceof Error && cause.message !== '' ? cause.message : String(code ?? cause)
}

const sleep = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })

const send = async (options: ClientOptions, base: string, call: Call): Promise<Response> => {
  const deadline = new AbortController()
  const headMs = call.headMs ?? defaultHeadMs
  const timer = headMs > 0 ? setTimeout(() => deadline.abort(), headMs) : undefined
  const signal = call.signal ? AbortSignal.any([call.signal, deadline.signal]) : deadline.signal
  const headers: Record<string, string> = { accept: 'application/json', ...call.headers }
  if (options.key !== '') headers['authorization'] = `Bearer ${options.key}`
  if (call.json !== undefined) headers['content-type'] = 'application/json'
  const body = call.json === undefined ? call.body : JSON.stringify(call.json)
  try {
    const init: RequestInit & { duplex?: 'half' } = {
      method: call.method ?? 'GET',
      headers,
      signal,
      duplex: 'half',
    }
    if (body !== undefined) init.body = body
    return await fetch(callUrl(base, call), init)
  } catch (error) {
    if (call.signal?.aborted) throw call.signal.reason
    const reason = deadline.signal.aborted ? `no answer within ${headMs / 1000} s` : reasonOf(error)
    throw new Unreachable(`${base}: ${reason}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/** Seconds of a `Retry-After`, for the statuses that mean "nothing was made, come again". */
const retryAfterMs = (reply: Response): number | undefined => {
  if (![429, 503, 507].includes(reply.status)) return undefined
  const seconds = Number(reply.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}

export const connect = (options: ClientOptions): Connection => {
  const base = baseUrl(options.url)

  const open = async (call: Call): Promise<Response> => {
    const patienceEnd = Date.now() + (call.patienceMs ?? 0)
    for (;;) {
      const reply = await send(options, base, call)
      if (reply.ok) return reply
      const body = await reply.text().catch(() => '')
      const wait = retryAfterMs(reply)
      if (wait === undefined || Date.now() + wait > patienceEnd) {
        throw errorFromReply(reply.status, body, reply.headers.get('x-request-id'))
      }
      await sleep(Math.max(wait, 50), call.signal)
    }
  }

  const json = async <T>(call: Call): Promise<T> => {
    const reply = await open(call)
    try {
      return (await reply.json()) as T
    } catch (error) {
      throw new Unreachable(`${base}: the reply to ${call.path} is cut off or not JSON`, { cause: error })
    }
  }

  const none = async (call: Call): Promise<void> => {
    const reply = await open(call)
    await reply.body?.cancel()
  }

  return { url: base, key: options.key, open, json, none }
}
