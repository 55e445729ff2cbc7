// A terminal of a sandbox on ours: every key goes there, every byte comes here, and the size follows the window. Both
// directions are held back when the other end is slow. The local terminal is put back as it was, however this ends.

import { WebSocket } from 'ws'
import { resizeMessage, terminalMessage, type TerminalAddress } from '@pandastack/client/terminal.ts'
import { exitCodes, Refusal } from '../exit-codes.ts'
import type { Screen } from './steps.ts'

/** The server shows life every 20 s. */
const silenceMs = 60_000
const handshakeMs = 30_000
const unsentBytesMax = 1024 * 1024
const messageBytesMax = 16 * 1024 * 1024
const endOfInput = Buffer.from([4])

interface Ends {
  stdin: NodeJS.ReadStream
  stdout: Screen
}

const around = (message: string): Refusal => new Refusal(message, { exitCode: exitCodes.aroundCommand })

const open = (address: TerminalAddress): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(address.url, {
      headers: address.headers,
      handshakeTimeout: handshakeMs,
      maxPayload: messageBytesMax,
    })
    socket.once('open', () => {
      // Bytes can come with the answer itself: they wait until somebody listens.
      socket.pause()
      resolve(socket)
    })
    socket.once('error', (error) => reject(around(error.message)))
    socket.once('unexpected-response', (request, reply) => {
      let body = ''
      reply.on('data', (piece: Buffer) => (body = (body + piece.toString()).slice(0, 2000)))
      reply.on('end', () => {
        request.destroy()
        reject(around(terminalErrorOf(body) ?? `the server answered ${reply.statusCode}`))
      })
    })
  })

const terminalErrorOf = (body: string): string | undefined => {
  const said = terminalMessage(body)
  return said?.kind === 'error' ? said.message : undefined
}

/** Settles with the exit code of the shell. */
const relay = (socket: WebSocket, { stdin, stdout }: Ends): Promise<number> =>
  new Promise((resolve, reject) => {
    let exitCode: number | undefined
    let failure = 'the connection to the sandbox ended before the shell did'
    const silence = setTimeout(() => {
      failure = 'the server has gone silent'
      socket.terminate()
    }, silenceMs)

    socket.on('ping', () => silence.refresh())
    socket.on('message', (data: Buffer, binary: boolean) => {
      silence.refresh()
      if (!binary) {
        const said = terminalMessage(data.toString())
        if (said?.kind === 'exit') exitCode = said.exitCode
        else if (said) failure = said.message
        return
      }
      if (stdout.write(data as unknown as string) !== false) return
      socket.pause()
      ;(stdout as unknown as NodeJS.WritableStream).once('drain', () => socket.resume())
    })
    socket.on('error', (error) => (failure = error.message))
    socket.once('close', () => {
      clearTimeout(silence)
      if (exitCode === undefined) reject(around(failure))
      else resolve(exitCode)
    })
    stdin.on('data', (bytes) => {
      socket.send(bytes, { binary: true }, () => {
        if (socket.bufferedAmount < unsentBytesMax) stdin.resume()
      })
      if (socket.bufferedAmount >= unsentBytesMax) stdin.pause()
    })
    socket.resume()
    stdin.once('end', () => socket.send(endOfInput, { binary: true }))
  })

export const runTerminal = async (address: TerminalAddress, ends: Ends): Promise<number> => {
  const socket = await open(address)
  const { stdin, stdout } = ends
  const window = stdout as Screen & NodeJS.EventEmitter
  const resized = (): void => {
    if (socket.readyState !== WebSocket.OPEN) return
    socket.send(resizeMessage({ rows: stdout.rows ?? 24, cols: stdout.columns ?? 80 }))
  }
  const raw = stdin.isTTY === true
  if (raw) stdin.setRawMode(true)
  if (stdout.isTTY) window.on('resize', resized)
  try {
    return await relay(socket, ends)
  } finally {
    if (stdout.isTTY) window.off('resize', resized)
    if (raw) stdin.setRawMode(false)
    stdin.removeAllListeners('data').pause()
    socket.terminate()
  }
}
