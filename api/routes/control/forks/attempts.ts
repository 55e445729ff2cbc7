// POST /sandboxes/{id}/attempts: commands, each in a fork of its own. The whole result at the end, or for a client that
// accepts an event stream each outcome as its attempt ends. No limit here: core keeps the request's deadline.

import { attemptsRequest, attemptsResult } from '@pandastack/contracts/http/snapshots.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { forCaller } from '../../../errors.ts'
import { hangupOf } from '../../../hangup.ts'
import { openEventStream, wantsEvents } from '../../data/sse.ts'
import type { EventStream } from '../../data/sse.ts'
import { idParams } from '../params.ts'

const bodyMaxBytes = 16 * 1024 * 1024

export const runAttempts = (app: ApiApp, { core, log }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/sandboxes/:id/attempts',
    bodyLimit: bodyMaxBytes,
    schema: {
      operationId: 'runAttempts',
      summary:
        'Try commands, each in a fork of its own, and keep the best; with Accept: text/event-stream as server-sent events',
      tags: ['forks'],
      params: idParams,
      body: attemptsRequest,
      response: { 200: attemptsResult },
    },
    async handler(request, reply) {
      const caller = callerOf(request)
      const { id } = request.params
      const signal = hangupOf(reply)
      if (!wantsEvents(request)) return core.attempts.run(caller, id, request.body, { signal })
      // Once the stream has begun, its status cannot say any more that there is no such sandbox.
      await core.sandboxes.get(caller, id)
      await using stream = openEventStream(reply, signal)
      const tell = inTurn(stream)
      try {
        const onOutcome = (outcome: unknown): void => void tell('outcome', outcome)
        await tell('result', await core.attempts.run(caller, id, request.body, { onOutcome, signal }))
      } catch (err) {
        if (signal.aborted) return reply
        const { code, message } = forCaller(err)
        log.warn({ err, request: request.id }, 'attempts could not be run')
        await tell('error', { error: message, code })
      }
      return reply
    },
  })
}

/** Sends one after another, at the client's pace; a client that has gone is `hangupOf`'s business. */
const inTurn = (stream: EventStream): EventStream['send'] => {
  let turn = Promise.resolve()
  return (event, data) => (turn = turn.then(() => stream.send(event, data)).catch(() => undefined))
}
