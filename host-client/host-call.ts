// One JSON exchange with the host agent on its unix socket. Replies are bounded and parsed by the wire's schemas.

import type { Dispatcher, Pool } from 'undici'
import type { z } from 'zod'
import { HostRefused, HostUnreachable } from '@pandastack/core/ports/host-port.ts'

const replyMaxBytes = 16 * 1024 * 1024

export interface HostCall {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  path: string
  body?: unknown
  /** Longest wait for the reply's head and between two pieces of its body. */
  silenceMs?: number
  signal?: AbortSignal
}

export interface HostReply {
  status: number
  body: Dispatcher.ResponseData['body']
}

/** The reply as it comes; a status of 400 or more is thrown as `HostRefused`. */
export const openCall = async (pool: Pool, call: HostCall): Promise<HostReply> => {
  const silenceMs = call.silenceMs ?? 10_000
  try {
    const reply = await pool.request({
      method: call.method,
      path: call.path,
      headers: call.body === undefined ? {} : { 'content-type': 'application/json' },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal: call.signal ?? null,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
    })
    if (reply.statusCode < 400) return { status: reply.statusCode, body: reply.body }
    throw refusal(reply.statusCode, await readText(reply.body, 65_536))
  } catch (error) {
    throw outward(error, call.signal)
  }
}

/** The whole reply, checked against the wire's schema. */
export const callHost = async <Schema extends z.ZodType>(
  pool: Pool,
  schema: Schema,
  call: HostCall,
): Promise<z.infer<Schema>> => {
  const reply = await openCall(pool, call)
  try {
    return schema.parse(JSON.parse(await readText(reply.body, replyMaxBytes)))
  } catch (error) {
    throw outward(error, call.signal)
  }
}

/** What a failure means to core: the caller's own abort, a refusal, or an agent that cannot be talked to. */
export const outward = (error: unknown, signal?: AbortSignal): unknown => {
  if (signal?.aborted) return signal.reason
  if (error instanceof HostRefused || error instanceof HostUnreachable) return error
  return new HostUnreachable('the host agent does not answer as agreed', { cause: error })
}

export const readText = async (body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> => {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of body) {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) throw new HostUnreachable(`the host agent sent more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const refusal = (status: number, text: string): HostRefused => {
  try {
    const { error, code } = JSON.parse(text) as { error?: unknown; code?: unknown }
    if (typeof error === 'string' && typeof code === 'string') return new HostRefused(error, { status, code })
  } catch {
    // Not the agent's own error shape; the status says enough.
  }
  return new HostRefused(`the host agent answered ${status}`, { status, code: 'unknown' })
}
