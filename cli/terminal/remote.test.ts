import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { runTerminal } from './remote.ts'

const serve = async (onOpen: (socket: WebSocket) => void) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  server.on('connection', onOpen)
  const { port } = server.address() as AddressInfo
  return {
    address: { url: `ws://127.0.0.1:${port}`, headers: {} },
    [Symbol.asyncDispose]: async () => {
      server.clients.forEach((client) => client.terminate())
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const ends = () => {
  const stdin = new PassThrough()
  const written: string[] = []
  const stdout = { write: (bytes: unknown) => written.push(String(bytes)) }
  return { stdin, written, both: { stdin: stdin as unknown as NodeJS.ReadStream, stdout } }
}

test('keys go there, bytes come back, and the exit code is the shell’s', async () => {
  await using server = await serve((socket) => {
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (!binary) return
      socket.send(Buffer.from(`you typed ${data.toString()}`))
      socket.send('{"exit":3}')
      socket.close()
    })
  })
  const { stdin, written, both } = ends()
  stdin.write('ls\r')
  expect(await runTerminal(server.address, both)).toBe(3)
  expect(written.join('')).toBe('you typed ls\r')
})

test('the end of our input is told to the shell', async () => {
  const seen: Buffer[] = []
  await using server = await serve((socket) => {
    socket.on('message', (data: Buffer) => {
      seen.push(data)
      socket.send('{"exit":0}')
      socket.close()
    })
  })
  const { stdin, both } = ends()
  stdin.end()
  expect(await runTerminal(server.address, both)).toBe(0)
  expect(Buffer.concat(seen)).toEqual(Buffer.from([4]))
})

test('a connection that ends before the shell is an error of its own', async () => {
  await using cut = await serve((socket) => socket.terminate())
  await expect(runTerminal(cut.address, ends().both)).rejects.toMatchObject({ exitCode: 125 })
  await using failed = await serve((socket) => {
    socket.send('{"error":"sandbox is paused"}')
    socket.close()
  })
  await expect(runTerminal(failed.address, ends().both)).rejects.toThrow('sandbox is paused')
})
