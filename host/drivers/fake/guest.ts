// A stand-in for the guest agent, in the driver's own process: health, thaw and whole files of the guest wire, and a
// counter. What it holds is the machine's memory; a copy goes to a file with each change, so that an agent that comes
// after this one can go on with it. It answers only while the machine's process runs, and waits while that is stopped.

import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Nic } from '@pandastack/driver/values.ts'

export interface Memory {
  counter: number
  generation: number
  token: string
  /** Base64 by path. */
  files: Record<string, string>
}

export const emptyMemory = (): Memory => ({ counter: 0, generation: 0, token: '', files: {} })

export interface GuestOptions {
  nic: Nic
  port: number
  memory: Memory
  /** Answers are held back until it has settled. */
  onChange(): Promise<void>
  state(): 'running' | 'paused' | 'dead'
}

interface Reply {
  status: number
  body: object | Buffer
}

const pausePollMs = 5
const bodyMaxBytes = 1_048_576

const refusal = (status: number, code: string, error: string): Reply => ({ status, body: { error, code } })

interface Call {
  method: string
  url: URL
  authorization: string
  body: Buffer
}

const thaw = ({ memory, nic }: GuestOptions, body: Buffer): Reply => {
  const wanted = JSON.parse(body.toString('utf8')) as Record<string, string> & { generation: number }
  if (wanted.generation < memory.generation) return refusal(409, 'conflict', 'an older generation')
  memory.generation = wanted.generation
  memory.token = wanted['access_token'] ?? ''
  const said = {
    generation: memory.generation,
    hostname: wanted['hostname'],
    machine_id: wanted['machine_id'],
    wall_unix_ns: `${Date.now()}000000`,
    boot_id: randomUUID(),
    addresses: [nic.guestAddress],
    entropy_check: randomBytes(16).toString('hex'),
  }
  return { status: 200, body: said }
}

const file = ({ memory }: GuestOptions, { method, url, body }: Call): Reply => {
  const path = url.searchParams.get('path') ?? ''
  if (path === '') return refusal(400, 'invalid_argument', 'no path')
  if (method === 'PUT') {
    memory.files[path] = body.toString('base64')
    return { status: 200, body: { path, bytes: body.length } }
  }
  const content = memory.files[path]
  return content === undefined
    ? refusal(404, 'not_found', `no file ${path}`)
    : { status: 200, body: Buffer.from(content, 'base64') }
}

const answer = (options: GuestOptions, call: Call): Reply => {
  const { memory } = options
  const route = `${call.method} ${call.url.pathname}`
  if (route === 'GET /v1/health')
    return { status: 200, body: { version: 'fake', pid: process.pid, generation: memory.generation } }
  if (route === 'POST /v1/thaw') return thaw(options, call.body)
  if (route === 'POST /fake/count') return { status: 200, body: { count: ++memory.counter } }
  if (memory.token !== '' && call.authorization !== `Bearer ${memory.token}`)
    return refusal(401, 'unauthorized', 'unauthorized')
  if (route === 'PUT /v1/files' || route === 'GET /v1/files') return file(options, call)
  return refusal(404, 'not_found', 'the fake guest has no such endpoint')
}

const answerSafely = (options: GuestOptions, call: Call): Reply => {
  try {
    return answer(options, call)
  } catch {
    return refusal(400, 'invalid_argument', 'the body is no JSON object')
  }
}

const serve = async (
  options: GuestOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const body = await buffer(request)
  while (options.state() === 'paused') await sleep(pausePollMs)
  if (options.state() === 'dead' || body.length > bodyMaxBytes) return void request.destroy()
  const reply = answerSafely(options, {
    method: request.method ?? '',
    url: new URL(request.url ?? '/', 'http://guest'),
    authorization: request.headers.authorization ?? '',
    body,
  })
  if (request.method !== 'GET') await options.onChange()
  const bytes = Buffer.isBuffer(reply.body) ? reply.body : Buffer.from(JSON.stringify(reply.body))
  response.writeHead(reply.status, { 'content-length': bytes.length }).end(bytes)
}

export interface Guest {
  memory: Memory
  close(): void
}

/** Listens when it returns. */
export const startGuest = async (options: GuestOptions): Promise<Guest> => {
  const server = createServer((request, response) => {
    serve(options, request, response).catch(() => request.destroy())
  })
  server.listen(options.port, options.nic.hostAddress)
  await once(server, 'listening')
  // A guest does not keep the process of a test alive: the machine's own process is what there is to end.
  server.unref()
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return { memory: options.memory, close }
}
