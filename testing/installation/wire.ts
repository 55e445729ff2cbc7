// What tests say to a test installation: HTTP to its API, and to its agent's door.

import { request } from 'node:http'

export interface Reply {
  status: number
  headers: Headers
  text: string
  /** The body as JSON; throws when it is none. */
  json<T = Record<string, unknown>>(): T
}

export interface CallOptions {
  /** Another key than the installation's; null: none at all. */
  key?: string | null
  headers?: Record<string, string>
  signal?: AbortSignal
}

const callDeadlineMs = 120_000

/** Objects are sent as JSON, text and bytes as they are. */
export const callApi = async (
  api: string,
  key: string,
  method: string,
  path: string,
  body?: unknown,
  options: CallOptions = {},
): Promise<Reply> => {
  const raw = typeof body === 'string' || body instanceof Uint8Array
  const chosen = options.key === undefined ? key : options.key
  const deadline = AbortSignal.timeout(callDeadlineMs)
  const response = await fetch(`${api}${path}`, {
    method,
    headers: {
      ...(chosen !== null && { authorization: `Bearer ${chosen}` }),
      ...(body !== undefined && { 'content-type': raw ? 'application/octet-stream' : 'application/json' }),
      ...options.headers,
    },
    body: body === undefined ? null : raw ? (body as string) : JSON.stringify(body),
    signal: options.signal ? AbortSignal.any([options.signal, deadline]) : deadline,
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as never }
}

/** One request to the agent's socket, which only root and the control plane can open. */
export const callAgent = <T>(socketPath: string, method: string, path: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(callDeadlineMs)
    const call = request({ socketPath, method, path, signal, agent: false }, (reply) => {
      const chunks: Buffer[] = []
      reply.on('data', (chunk: Buffer) => chunks.push(chunk))
      reply.on('error', reject)
      reply.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if ((reply.statusCode ?? 500) >= 400)
          reject(new Error(`the agent answered ${reply.statusCode}: ${text}`))
        else resolve((text === '' ? undefined : JSON.parse(text)) as T)
      })
    })
    call.on('error', reject)
    call.end()
  })
