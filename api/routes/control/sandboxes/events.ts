import { z } from 'zod'
import { event } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { hangupOf } from '../../../hangup.ts'
import { openEventStream } from '../../data/sse.ts'
import { idParams } from '../params.ts'

const tailDefault = 50
const tailMax = 1000

export const readEvents = (app: ApiApp, { core, log }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/sandboxes/:id/events',
    schema: {
      operationId: 'readEvents',
      summary: 'What happened to a sandbox; with follow=1 as server-sent events',
      tags: ['events'],
      params: idParams,
      querystring: z.object({
        tail: z.coerce.number().int().min(0).max(tailMax).optional(),
        follow: z.enum(['0', '1', 'true', 'false']).optional(),
      }),
      response: { 200: z.object({ events: z.array(event) }) },
    },
    async handler(request, reply) {
      const caller = callerOf(request)
      const { id } = request.params
      const { tail = tailDefault, follow } = request.query
      const events = await core.events.list(caller, id, Math.max(1, tail))
      const shown = tail === 0 ? [] : events
      if (follow !== '1' && follow !== 'true') return { events: shown }
      const signal = hangupOf(reply)
      await using stream = openEventStream(reply, signal)
      try {
        for (const past of shown) await stream.send('event', past)
        for await (const later of core.events.follow(caller, id, signal, events.at(-1)?.seq ?? 0)) {
          await stream.send('event', later)
        }
      } catch (err) {
        if (!signal.aborted) log.warn({ err, request: request.id }, 'a stream of events broke off')
      }
      return reply
    },
  })
}
