// Attempts: commands tried in a fork each, and the best of them kept. Always asked for as a stream, so that a search
// of hours is never taken for a server that is silent.

import type { AttemptOutcome, AttemptsRequest, AttemptsResult } from '@pandastack/contracts/http/snapshots.ts'
import type { Connection } from './connection.ts'
import { ApiError, Unreachable } from './errors.ts'
import { sandboxPath } from './sandboxes.ts'
import { serverEvents, type ServerEvent } from './sse.ts'

export type AttemptsEvent =
  | { kind: 'outcome'; outcome: AttemptOutcome }
  | { kind: 'result'; result: AttemptsResult }

export interface Attempts {
  /** The result of all; leaving early (`signal`) gives up what runs. */
  run(
    id: string,
    request: AttemptsRequest,
    options?: { signal?: AbortSignal; onOutcome?: (outcome: AttemptOutcome) => void },
  ): Promise<AttemptsResult>
  /** Each outcome as its attempt ends, and last the result. Throws when the stream ends without one. */
  stream(
    id: string,
    request: AttemptsRequest,
    options?: { signal?: AbortSignal },
  ): AsyncGenerator<AttemptsEvent, void, void>
}

/** What one event of the stream says; null for events that later servers may add. */
export const attemptsEvent = ({ event, data }: ServerEvent): AttemptsEvent | null => {
  if (!['outcome', 'result', 'error'].includes(event)) return null
  let said: unknown
  try {
    said = JSON.parse(data)
  } catch (cause) {
    throw new Unreachable(`the stream holds an event that is not JSON: ${data.slice(0, 80)}`, { cause })
  }
  if (event === 'outcome') return { kind: 'outcome', outcome: said as AttemptOutcome }
  if (event === 'result') return { kind: 'result', result: said as AttemptsResult }
  const { error, code } = said as { error?: unknown; code?: unknown }
  throw new ApiError(
    500,
    String(error ?? 'the attempts could not be run'),
    typeof code === 'string' ? { code } : {},
  )
}

const unfinished = (): Unreachable =>
  new Unreachable('the stream ended before the attempts did: their result is not known')

async function* streamOf(
  connection: Connection,
  id: string,
  request: AttemptsRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<AttemptsEvent, void, void> {
  const reply = await connection.open({
    method: 'POST',
    path: `${sandboxPath(id)}/attempts`,
    json: request,
    headers: { accept: 'text/event-stream' },
    signal,
  })
  if (reply.body) {
    for await (const event of serverEvents(reply.body)) {
      const known = attemptsEvent(event)
      if (!known) continue
      yield known
      if (known.kind === 'result') return
    }
  }
  throw unfinished()
}

export const attemptsOf = (connection: Connection): Attempts => ({
  stream: (id, request, options = {}) => streamOf(connection, id, request, options.signal),
  run: async (id, request, options = {}) => {
    for await (const event of streamOf(connection, id, request, options.signal)) {
      if (event.kind === 'result') return event.result
      options.onOutcome?.(event.outcome)
    }
    throw unfinished()
  },
})
