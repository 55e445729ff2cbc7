// The only name server that guests have: UDP and TCP at the gateway's address. Who asks is told by the slot address,
// which the host's rules pin; questions of anybody else are not answered. Owns its sockets until `close`.

import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once, setMaxListeners } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { systemClock } from '@pandastack/kit/clock/clock.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import { createHandler, queryBytesMax, type Handler, type HandlerOptions } from './handler.ts'
import { frameOf, frames } from './frames.ts'

export interface ResolverOptions extends Omit<HandlerOptions, 'clock'> {
  address: string
  /** Tried first; if somebody else has it, any free one is taken, and the rules lead guests there. */
  port: number
  /** Who has this address; undefined: nobody whom we serve. */
  clientOf: (address: string) => number | undefined
  log: Log
}

export interface Resolver {
  readonly port: number
  close(): Promise<void>
}

const connectionsMax = 1024
const connectionsPerClientMax = 8
const idleMs = 10_000
/** Of one connection, waiting for their turn. */
const queuedMax = 16

const bindUdp = async (address: string, port: number): Promise<UdpSocket> => {
  const socket = createSocket('udp4')
  try {
    socket.bind(port, address)
    await once(socket, 'listening')
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}

const listenTcp = async (server: Server, address: string, port: number): Promise<void> => {
  server.listen(port, address)
  await once(server, 'listening')
}

const serveUdp = (
  socket: UdpSocket,
  handler: Handler,
  options: ResolverOptions,
  signal: AbortSignal,
): void => {
  const serve = async (client: number, message: Buffer, address: string, port: number): Promise<void> => {
    const reply = await handler.answer(client, message, 'udp', signal)
    // A datagram that cannot be sent is lost, as datagrams are.
    if (reply && !signal.aborted) socket.send(reply, port, address, () => undefined)
  }
  socket.on('error', (error) => options.log.warn({ err: error }, 'resolver socket'))
  socket.on('message', (message, { address, port }) => {
    const client = options.clientOf(address)
    if (client === undefined) return
    void serve(client, message, address, port)
  })
}

/** One question at a time, in order; a client that does not read its answers is not read from either. */
const serveConnection = (socket: Socket, client: number, handler: Handler, signal: AbortSignal): void => {
  const parse = frames(queryBytesMax)
  let queued = 0
  let turn: Promise<void> = Promise.resolve()

  const serve = async (message: Buffer): Promise<void> => {
    if (signal.aborted) return
    const reply = await handler.answer(client, message, 'tcp', signal)
    queued -= 1
    if (!reply || socket.destroyed) return void socket.destroy()
    if (!socket.write(frameOf(reply))) {
      socket.pause()
      await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(
        () => undefined,
      )
      socket.resume()
    }
  }
  socket.setTimeout(idleMs, () => socket.destroy())
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    const messages = parse(chunk)
    queued += messages?.length ?? 0
    if (!messages || queued > queuedMax) return void socket.destroy()
    for (const message of messages) turn = turn.then(() => serve(message))
  })
}

const createTcpServer = (handler: Handler, options: ResolverOptions, signal: AbortSignal): Server => {
  const perClient = new Map<number, number>()
  const server = createServer((socket) => {
    const client = options.clientOf(socket.remoteAddress ?? '')
    const open = client === undefined ? 0 : (perClient.get(client) ?? 0)
    if (client === undefined || open >= connectionsPerClientMax) return void socket.destroy()
    perClient.set(client, open + 1)
    socket.on('close', () => {
      const left = (perClient.get(client) ?? 1) - 1
      if (left > 0) perClient.set(client, left)
      else perClient.delete(client)
    })
    const gone = goneSignal(socket)
    signal.addEventListener('abort', () => socket.destroy(), { once: true, signal: gone })
    serveConnection(socket, client, handler, gone)
  })
  server.maxConnections = connectionsMax
  return server
}

/** Aborts when the socket closes, for whatever reason. */
const goneSignal = (socket: Socket): AbortSignal => {
  const closed = new AbortController()
  socket.once('close', () => closed.abort())
  return closed.signal
}

const portsToTry = (port: number): number[] => [port, 0, 0, 0]

/** UDP and TCP at the same port: the wanted one, or one that is free for both. */
const bindBoth = async (server: Server, options: ResolverOptions): Promise<UdpSocket> => {
  let failure: unknown
  for (const port of portsToTry(options.port)) {
    let udp: UdpSocket | undefined
    try {
      udp = await bindUdp(options.address, port)
      await listenTcp(server, options.address, udp.address().port)
      return udp
    } catch (error) {
      udp?.close()
      failure = error
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') break
    }
  }
  throw failure
}

export const createResolver = async (options: ResolverOptions): Promise<Resolver> => {
  const closing = new AbortController()
  // One listener for each question under way, of which there is a limit.
  setMaxListeners(0, closing.signal)
  const handler = createHandler({ ...options, clock: systemClock })
  const server = createTcpServer(handler, options, closing.signal)
  const udp = await bindBoth(server, options)
  serveUdp(udp, handler, options, closing.signal)
  server.on('error', (error) => options.log.warn({ err: error }, 'resolver listener'))
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      closing.abort()
      udp.close()
      server.close()
      await once(server, 'close')
    },
  }
}
