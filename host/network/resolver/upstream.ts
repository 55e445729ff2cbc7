// Asks the host's name servers, one after the other. Each question has a socket, a random port and a random id of its
// own, and only a reply from the server asked, to the very question, is taken. Rejects when nobody answers in time.

import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { composeQuery } from './compose.ts'
import { frames, frameOf } from './frames.ts'
import { parseReply, rcodes, type Answers, type Question } from './wire.ts'

export interface Upstream {
  address: string
  port: number
}

export type Transport = 'udp' | 'tcp'

/** With the time for each this bounds the whole. */
const serversMax = 3

export interface AskOptions {
  transport: Transport
  upstreams: readonly Upstream[]
  /** For each server. */
  timeoutMs: number
  signal: AbortSignal
}

type Ask = (
  server: Upstream,
  query: Buffer,
  signal: AbortSignal,
  take: (reply: Buffer) => boolean,
) => Promise<void>

/** Settles when `take` has accepted a datagram. */
const askUdp: Ask = (server, query, signal, take) =>
  new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
    const end = (error?: unknown): void => {
      signal.removeEventListener('abort', abort)
      socket.close()
      if (error === undefined) resolve()
      else reject(error)
    }
    const abort = (): void => end(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', end)
    socket.on('message', (reply) => {
      if (take(reply)) end()
    })
    socket.connect(server.port, server.address, (error?: Error) => {
      if (error) end(error)
      else socket.send(query)
    })
  })

const askTcp: Ask = (server, query, signal, take) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port, signal })
    const parse = frames(65_535)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the name server hung up')))
    socket.on('data', (chunk: Buffer) => {
      if (!(parse(chunk) ?? []).some(take)) return
      resolve()
      socket.destroy()
    })
    socket.write(frameOf(query))
  })

/** Errors of one server that another may not have. */
const isWorthAnother = (answers: Answers): boolean =>
  answers.rcode === rcodes.SERVFAIL || answers.rcode === rcodes.REFUSED

/** A signal that aborts with `signal` or after `timeoutMs`, while `act` runs, and leaves no timer or listener behind. */
const within = async <Result>(
  signal: AbortSignal,
  timeoutMs: number,
  act: (limited: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const limited = new AbortController()
  const abort = (): void => limited.abort(signal.reason)
  const timer = setTimeout(() => limited.abort(new Error('no answer in time')), timeoutMs)
  signal.addEventListener('abort', abort, { once: true })
  try {
    signal.throwIfAborted()
    return await act(limited.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/** Tries the servers in turn until one gives an answer worth having. */
export const askUpstream = async (question: Question, options: AskOptions): Promise<Answers> => {
  const ask = options.transport === 'udp' ? askUdp : askTcp
  let last: Answers | undefined
  let failure: unknown = new Error('this host has no name servers')
  for (const server of options.upstreams.slice(0, serversMax)) {
    const id = randomInt(65_536)
    const take = (reply: Buffer): boolean => {
      const answers = parseReply(reply, id, question)
      if (answers) last = answers
      return answers !== undefined
    }
    try {
      const query = composeQuery(id, question)
      await within(options.signal, options.timeoutMs, (limited) => ask(server, query, limited, take))
      if (last && !isWorthAnother(last)) return last
    } catch (error) {
      failure = error
    }
  }
  if (last) return last
  throw failure
}
