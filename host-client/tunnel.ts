// Raw bytes to a listener inside a sandbox: a relay connection of its own, upgraded by hand, because what follows the
// reply's head is the listener's and must reach the caller untouched.

import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { GuestUnreachable, PortClosed } from '@pandastack/core/ports/guest-port.ts'
import { openRelay } from './relay.ts'

const headMaxBytes = 8192
const headMs = 10_000

export interface TunnelTarget {
  relaySocketPath: string
  machineId: string
  token: string
  port: number
}

export const openTunnel = async (target: TunnelTarget, signal?: AbortSignal): Promise<Duplex> => {
  signal?.throwIfAborted()
  if (!/^[\x21-\x7e]+$/.test(target.token)) throw new GuestUnreachable('the machine has no usable token')
  const socket = await openRelay(target.relaySocketPath, target.machineId)
  const abort = (): void => {
    socket.destroy(signal?.reason as Error)
  }
  signal?.addEventListener('abort', abort, { once: true })
  socket.once('close', () => signal?.removeEventListener('abort', abort))
  if (signal?.aborted) abort()
  socket.write(
    `GET /v1/ports/${target.port}/tunnel HTTP/1.1\r\nHost: guest\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
      `Authorization: Bearer ${target.token}\r\n\r\n`,
  )
  try {
    const status = await readHead(socket)
    signal?.throwIfAborted()
    if (status === 101) return socket
    if (status === 502) throw new PortClosed(`nothing listens on port ${target.port}`)
    throw new GuestUnreachable(`the sandbox answered ${status} instead of opening port ${target.port}`)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Reads the reply's head and puts back whatever came after it. */
const readHead = (socket: Socket): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let held = Buffer.alloc(0)
  const settle = (act: () => void): void => {
    clearTimeout(timer)
    socket.pause()
    socket.off('data', onData)
    socket.off('error', onEnd)
    socket.off('close', onEnd)
    act()
  }
  const fail = (why: string, cause?: unknown): void =>
    settle(() => reject(new GuestUnreachable(why, { cause })))
  const onData = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk])
    const end = held.indexOf('\r\n\r\n')
    if (end < 0) {
      if (held.length > headMaxBytes) fail('the sandbox answered with too long a head')
      return
    }
    const status = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(held.subarray(0, 64).toString('latin1'))?.[1]
    if (!status) return fail('the sandbox did not answer in HTTP')
    settle(() => {
      const rest = held.subarray(end + 4)
      if (rest.length > 0) socket.unshift(rest)
      resolve(Number(status))
    })
  }
  const onEnd = (error?: unknown): void => fail('the sandbox closed the connection', error)
  const timer = setTimeout(() => fail('the sandbox is silent'), headMs)
  socket.on('data', onData)
  socket.on('error', onEnd)
  socket.on('close', onEnd)
  return promise
}
