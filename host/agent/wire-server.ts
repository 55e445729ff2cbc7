// The agent's door: the host wire over HTTP on a unix socket (contracts/wire/host/v1). Parses, calls, shapes; a malformed
// request is refused before anything happens. Only the control plane's group can open the socket.

import { chmod, chown, unlink } from 'node:fs/promises'
import http from 'node:http'
import { z } from 'zod'
import { machineSpec } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { snapshotSpec } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import type { Agent } from './agent.ts'
import { StaleIntent } from './machines/machines.ts'
import { SnapshotBroken, SnapshotMissing } from './snapshots/errors.ts'
import { UnknownTemplate } from './templates/templates.ts'
import type { Log } from './ports.ts'
import { bakeStream, changesStream, reportStream } from './wire-streams.ts'
import { machineStatsOf } from './machines/stats.ts'

const bodyMaxBytes = 1_048_576
const waitMaxMs = 120_000

export class WireError extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const notFound = () => new WireError(404, 'not_found', 'there is no such machine')

interface Call {
  agent: Agent
  request: http.IncomingMessage
  response: http.ServerResponse
  /** Captures of the route's pattern. */
  part: string
  query: URLSearchParams
}

type Handler = (call: Call) => Promise<unknown>

const id = '([0-9a-f-]{36})'
const routes: [string, RegExp, Handler][] = [
  ['GET', /^\/v1\/health$/, async () => ({ ok: true })],
  ['GET', /^\/v1\/host$/, ({ agent }) => agent.info()],
  ['GET', /^\/v1\/leaks$/, ({ agent }) => agent.leaks()],
  [
    'GET',
    /^\/v1\/machines$/,
    async ({ agent }) => ({ machines: agent.machines.all().map((machine) => machine.report) }),
  ],
  ['DELETE', /^\/v1\/machines$/, async ({ agent }) => agent.machines.endAll()],
  ['PUT', new RegExp(`^/v1/machines/${id}$`), ensure],
  [
    'GET',
    new RegExp(`^/v1/machines/${id}$`),
    async ({ agent, part }) => {
      const machine = agent.machines.get(part)
      if (!machine) throw notFound()
      return machine.report
    },
  ],
  [
    'DELETE',
    new RegExp(`^/v1/machines/${id}/record$`),
    async ({ agent, part }) => agent.machines.forget(part),
  ],
  [
    'GET',
    new RegExp(`^/v1/machines/${id}/stats$`),
    async ({ agent, part }) => {
      const stats = await machineStatsOf(agent.machines.get(part))
      if (!stats) throw notFound()
      return stats
    },
  ],
  [
    'GET',
    new RegExp(`^/v1/machines/${id}/changes$`),
    async ({ agent, part, response }) => {
      const handle = agent.machines.get(part)?.handle
      if (!handle) throw notFound()
      await changesStream(response, (signal) => agent.changes.ofMachine(handle, signal), { remove: true })
    },
  ],
  ['GET', /^\/v1\/snapshots$/, async ({ agent }) => ({ snapshots: agent.snapshots.all() })],
  ['PUT', new RegExp(`^/v1/snapshots/${id}$`), take],
  [
    'DELETE',
    new RegExp(`^/v1/snapshots/${id}$`),
    async ({ agent, part }) => {
      await agent.changes.forget(part)
      await agent.snapshots.remove(part)
    },
  ],
  [
    'GET',
    new RegExp(`^/v1/snapshots/${id}/changes$`),
    async ({ agent, part, response }) =>
      changesStream(response, (signal) => agent.changes.ofSnapshot(part, signal), { remove: false }),
  ],
  ['GET', /^\/v1\/reports$/, async ({ agent, response }) => reportStream(agent, response)],
  [
    'POST',
    /^\/v1\/templates\/([a-z0-9][a-z0-9.-]{0,62})\/bake$/,
    async ({ agent, response, part }) => bakeStream(agent, part, response),
  ],
]

async function ensure({ agent, request, part, query }: Call): Promise<unknown> {
  const spec = machineSpec.safeParse(await readJson(request))
  if (!spec.success) throw new WireError(400, 'invalid_request', z.prettifyError(spec.error))
  if (spec.data.machineId !== part)
    throw new WireError(400, 'invalid_request', 'the path names another machine')
  return await agent.machines.ensure(spec.data, waitOf(query))
}

async function take({ agent, request, part, query }: Call): Promise<unknown> {
  const spec = snapshotSpec.safeParse(await readJson(request))
  if (!spec.success) throw new WireError(400, 'invalid_request', z.prettifyError(spec.error))
  if (spec.data.snapshotId !== part)
    throw new WireError(400, 'invalid_request', 'the path names another snapshot')
  const { promise: overdue, resolve } = Promise.withResolvers<null>()
  const timer = setTimeout(() => resolve(null), waitOf(query))
  try {
    const taking = agent.take(spec.data)
    // Somebody may still want to know how it ended when we do not wait any more.
    taking.catch(() => undefined)
    const taken = await Promise.race([taking, overdue])
    const found = taken ?? agent.snapshots.get(part)
    if (!found) throw new WireError(503, 'waiting', 'the machine has not come to it yet')
    return found
  } finally {
    clearTimeout(timer)
  }
}

const waitOf = (query: URLSearchParams): number =>
  Math.min(Math.max(0, Number(query.get('wait_ms') ?? 0) || 0), waitMaxMs)

async function readJson(request: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bodyMaxBytes) throw new WireError(413, 'too_large', 'the body is over 1 MiB')
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new WireError(400, 'invalid_request', 'the body is not JSON')
  }
}

function asWireError(error: unknown): WireError {
  if (error instanceof WireError) return error
  if (error instanceof StaleIntent) return new WireError(409, 'stale_intent', error.message)
  if (error instanceof UnknownTemplate) return new WireError(404, 'unknown_template', error.message)
  if (error instanceof SnapshotMissing) return new WireError(404, 'nothing_there', error.message)
  if (error instanceof SnapshotBroken) return new WireError(409, 'snapshot_corrupt', error.message)
  return new WireError(500, 'internal', 'the agent failed; its log says why')
}

async function handle(
  agent: Agent,
  log: Log,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://agent')
  try {
    for (const [method, pattern, handler] of routes) {
      const match = method === request.method ? pattern.exec(url.pathname) : null
      if (!match) continue
      const result = await handler({
        agent,
        request,
        response,
        part: match[1] ?? '',
        query: url.searchParams,
      })
      if (!response.headersSent) send(response, result === undefined ? 204 : 200, result)
      return
    }
    throw new WireError(404, 'not_found', 'there is no such route')
  } catch (error) {
    const known = asWireError(error)
    if (known.status === 500) log.error({ err: error, url: url.pathname }, 'request failed')
    if (response.headersSent) response.destroy()
    else send(response, known.status, { error: known.message, code: known.code })
  }
}

function send(response: http.ServerResponse, status: number, body: unknown): void {
  const text = body === undefined ? '' : JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

/** Listens on `socketPath`, mode 0660 and group `groupId`. Disposing stops listening and ends open streams. */
export async function serveWire(options: {
  agent: Agent
  log: Log
  socketPath: string
  groupId: number | null
}): Promise<AsyncDisposable> {
  const { agent, log, socketPath, groupId } = options
  const server = http.createServer((request, response) => void handle(agent, log, request, response))
  server.keepAliveTimeout = 60_000
  await unlink(socketPath).catch(() => {})
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, resolve)
  })
  if (groupId !== null) await chown(socketPath, 0, groupId)
  await chmod(socketPath, 0o660)
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
