// The guest port of core, over the relay. What can fail: `GuestUnreachable` when the machine does not answer, the
// signal's reason when the caller gave up, and errors of the reply's body while it is read (silence, broken off).

import type { Dispatcher } from 'undici'
import { GuestUnreachable } from '@pandastack/core/ports/guest-port.ts'
import type { GuestPort, GuestReply, GuestRequest } from '@pandastack/core/ports/guest-port.ts'
import { Lanes } from './lanes.ts'
import { openTunnel } from './tunnel.ts'

const silenceMsDefault = 30_000

/** `relaySocketPath`: the host agent's relay socket. Disposing closes every connection. */
export const createGuestPort = (options: { relaySocketPath: string }): GuestPort & AsyncDisposable => {
  const lanes = new Lanes(options.relaySocketPath)
  return {
    request: (machineId, token, request) => exchange(lanes, machineId, token, request),
    tunnel: (machineId, token, port, signal) => openTunnel({ ...options, machineId, token, port }, signal),
    release: (machineId) => lanes.release(machineId),
    [Symbol.asyncDispose]: () => lanes[Symbol.asyncDispose](),
  }
}

const exchange = async (
  lanes: Lanes,
  machineId: string,
  token: string,
  request: GuestRequest,
): Promise<GuestReply> => {
  const lane = lanes.enter(machineId)
  const silenceMs = request.silenceMs ?? silenceMsDefault
  let reply: Dispatcher.ResponseData
  try {
    reply = await lane.pool.request({
      method: request.method,
      path: request.path,
      headers: { ...request.headers, authorization: `Bearer ${token}` },
      body: request.body ?? null,
      signal: request.signal ?? null,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
    })
  } catch (error) {
    lanes.leave(lane)
    if (request.signal?.aborted) throw request.signal.reason
    throw new GuestUnreachable(sentence(error), { cause: error })
  }
  reply.body.once('close', () => lanes.leave(lane))
  return { status: reply.statusCode, headers: flat(reply.headers), body: reply.body }
}

const sentence = (error: unknown): string =>
  (error as { code?: string }).code === 'UND_ERR_HEADERS_TIMEOUT'
    ? 'the sandbox is silent'
    : 'the sandbox does not answer'

const flat = (headers: Record<string, string | string[] | undefined>): Record<string, string> => {
  const single: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) single[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return single
}
