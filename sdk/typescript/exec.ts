// Commands in a sandbox: the whole result at once, or its output as it comes.

import type { ExecRequest, ExecResult } from '@pandastack/contracts/http/shapes.ts'
import type { Connection } from './connection.ts'
import { ApiError, Unreachable } from './errors.ts'
import { sandboxPath } from './sandboxes.ts'
import { serverEvents, type ServerEvent } from './sse.ts'

export type ExecEvent = { kind: 'stdout' | 'stderr'; chunk: string } | { kind: 'exit'; exitCode: number }

export interface Execs {
  /** A non-zero exit code is a result, not an error. */
  run(id: string, request: ExecRequest, options?: { signal?: AbortSignal }): Promise<ExecResult>
  /** Output as it comes, and last the exit. Throws when the stream ends without one. */
  stream(
    id: string,
    request: ExecRequest,
    options?: { signal?: AbortSignal },
  ): AsyncGenerator<ExecEvent, void, void>
}

/** What one event of the stream says; null for events that later servers may add. */
export const execEvent = ({ event, data }: ServerEvent): ExecEvent | null => {
  if (!['stdout', 'stderr', 'exit', 'error'].includes(event)) return null
  let fields: { chunk?: unknown; exit_code?: unknown; error?: unknown; code?: unknown }
  try {
    fields = JSON.parse(data) as typeof fields
  } catch (cause) {
    throw new Unreachable(`the stream holds an event that is not JSON: ${data.slice(0, 80)}`, { cause })
  }
  if (event === 'error') {
    const code = typeof fields.code === 'string' ? { code: fields.code } : {}
    throw new ApiError(500, String(fields.error ?? 'the command could not be run'), code)
  }
  if (event === 'exit') return { kind: 'exit', exitCode: Number(fields.exit_code) }
  return { kind: event === 'stdout' ? 'stdout' : 'stderr', chunk: String(fields.chunk ?? '') }
}

async function* streamOf(
  connection: Connection,
  id: string,
  request: ExecRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<ExecEvent, void, void> {
  const reply = await connection.open({
    method: 'POST',
    path: `${sandboxPath(id)}/exec/stream`,
    json: request,
    headers: { accept: 'text/event-stream' },
    signal,
  })
  if (reply.body) {
    for await (const event of serverEvents(reply.body)) {
      const known = execEvent(event)
      if (!known) continue
      yield known
      if (known.kind === 'exit') return
    }
  }
  throw new Unreachable('the stream ended before the command did: its result is not known')
}

export const execsOf = (connection: Connection): Execs => ({
  run: (id, request, options = {}) =>
    connection.json<ExecResult>({
      method: 'POST',
      path: `${sandboxPath(id)}/exec`,
      json: request,
      headMs: ((request.timeout_seconds ?? 240) + 30) * 1000,
      signal: options.signal,
    }),
  stream: (id, request, options = {}) => streamOf(connection, id, request, options.signal),
})
