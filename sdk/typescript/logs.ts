// What the commands of a sandbox have written, and what has happened to the sandbox.

import type { Event } from '@pandastack/contracts/http/shapes.ts'
import type { Connection } from './connection.ts'
import { ApiError } from './errors.ts'
import { sandboxPath } from './sandboxes.ts'
import { serverEvents } from './sse.ts'

export type LogStream = 'both' | 'stdout' | 'stderr'

export interface Logs {
  /** All that is held, as text. */
  read(id: string, stream?: LogStream): Promise<string>
  /** Line by line, each with its line feed, until the signal aborts or the sandbox ends. */
  follow(
    id: string,
    options?: { stream?: LogStream; signal?: AbortSignal },
  ): AsyncGenerator<string, void, void>
  events(id: string, tail?: number): Promise<Event[]>
}

async function* followed(
  connection: Connection,
  id: string,
  stream: LogStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void, void> {
  const reply = await connection.open({
    path: `${sandboxPath(id)}/logs`,
    query: { stream, follow: 1 },
    headers: { accept: 'text/event-stream' },
    signal,
  })
  if (!reply.body) return
  for await (const { event, data } of serverEvents(reply.body)) {
    const said =
      event === 'line' || event === 'error' ? (JSON.parse(data) as { line?: string; error?: string }) : {}
    if (said.error !== undefined) throw new ApiError(502, said.error)
    if (said.line !== undefined) yield said.line
  }
}

export const logsOf = (connection: Connection): Logs => ({
  read: async (id, stream = 'both') => {
    const reply = await connection.open({ path: `${sandboxPath(id)}/logs`, query: { stream, follow: 0 } })
    return reply.text()
  },
  follow: (id, options = {}) => followed(connection, id, options.stream ?? 'both', options.signal),
  events: async (id, tail = 50) => {
    const path = `${sandboxPath(id)}/events`
    return (await connection.json<{ events: Event[] }>({ path, query: { tail } })).events
  },
})
