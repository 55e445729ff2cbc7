// A relay socket in this process: the host agent's one line protocol in front of TCP ports of this machine.

import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'

export interface TestRelay extends AsyncDisposable {
  socketPath: string
  /** Where connections to a machine go; a machine without an entry is refused. */
  ports: Map<string, number>
  /** Connections made so far, by machine. */
  accepted: string[]
  open(): number
}

export const startRelay = async (): Promise<TestRelay> => {
  const folder = await mkdtemp(join(tmpdir(), 'relay-'))
  const socketPath = join(folder, 'relay.sock')
  const ports = new Map<string, number>()
  const accepted: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    void readLine(socket).then((machineId) => {
      const port = ports.get(machineId)
      if (port === undefined) return socket.destroy()
      accepted.push(machineId)
      return splice(socket, port, sockets)
    })
  })
  server.listen(socketPath)
  await once(server, 'listening')
  return {
    socketPath,
    ports,
    accepted,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const readLine = async (socket: Socket): Promise<string> => {
  let held = Buffer.alloc(0)
  const { promise, resolve } = Promise.withResolvers<string>()
  const onData = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk])
    const end = held.indexOf(10)
    if (end < 0) return
    socket.pause()
    socket.off('data', onData)
    if (end + 1 < held.length) socket.unshift(held.subarray(end + 1))
    resolve(held.toString('utf8', 0, end))
  }
  socket.on('data', onData)
  socket.resume()
  return promise
}

const splice = (socket: Socket, port: number, sockets: Set<Socket>): void => {
  const guest = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  sockets.add(guest)
  const end = (): void => {
    socket.destroy()
    guest.destroy()
    sockets.delete(guest)
  }
  guest.on('error', end)
  guest.on('close', end)
  socket.on('close', end)
  socket.pipe(guest)
  guest.pipe(socket)
}
