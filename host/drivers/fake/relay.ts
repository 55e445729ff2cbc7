// The relay of the host wire in this process, where no native command has been built: one line with a machine's id, then
// bytes both ways. Owns its socket and its connections.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

const firstLineMaxBytes = 64
const firstLineDeadlineMs = 5_000

/** What follows the line stays in the socket. Undefined if no proper line comes in time. */
const readLine = async (socket: Socket): Promise<string | undefined> => {
  const late = setTimeout(() => socket.destroy(), firstLineDeadlineMs)
  let line = ''
  try {
    while (!socket.destroyed && line.length < firstLineMaxBytes) {
      const byte = socket.read(1) as Buffer | null
      if (byte === null) {
        if (socket.readableEnded) return undefined
        await Promise.race([once(socket, 'readable'), once(socket, 'end'), once(socket, 'close')])
        continue
      }
      const character = byte.toString('latin1')
      if (character === '\n') return line
      line += character
    }
    return undefined
  } finally {
    clearTimeout(late)
  }
}

export const startFakeRelay = async (socketPath: string) => {
  const table = new Map<string, { address: string; open: Set<Socket> }>()
  const clients = new Set<Socket>()
  const join = async (client: Socket): Promise<void> => {
    const id = await readLine(client)
    const machine = table.get(id ?? '')
    if (!machine) return void client.destroy()
    const [host, port] = machine.address.split(':')
    const guest = connect({ host: host ?? '', port: Number(port), allowHalfOpen: true })
    const { open } = machine
    for (const [one, other] of [
      [client, guest],
      [guest, client],
    ] as const) {
      open.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => (open.delete(one), other.destroy()))
      one.pipe(other)
    }
  }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    clients.add(client)
    client.on('close', () => clients.delete(client))
    client.on('error', () => client.destroy())
    void join(client)
  })
  server.listen(socketPath)
  await once(server, 'listening')
  const unset = async (machineId: string): Promise<void> => {
    for (const socket of table.get(machineId)?.open ?? []) socket.destroy()
    table.delete(machineId)
  }
  return {
    set: async (machineId: string, address: string): Promise<void> => {
      if (table.get(machineId)?.address === address) return
      await unset(machineId)
      table.set(machineId, { address, open: new Set() })
    },
    unset,
    [Symbol.asyncDispose]: async (): Promise<void> => {
      for (const client of clients) client.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
