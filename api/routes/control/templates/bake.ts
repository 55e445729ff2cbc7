import { z } from 'zod'
import { eventStream } from '../../../answers.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { forCaller } from '../../../errors.ts'
import { hangupOf } from '../../../hangup.ts'
import { openEventStream } from '../../data/sse.ts'

export const bakeTemplate = (app: ApiApp, { core, log }: ApiDeps): void => {
  app.route({
    method: 'POST',
    url: '/templates/:name/bake',
    schema: {
      operationId: 'bakeTemplate',
      summary: 'Make the snapshot of a template now; progress as server-sent events',
      tags: ['templates'],
      params: z.object({ name: z.string() }),
      answers: { 200: eventStream },
    },
    async handler(request, reply) {
      const caller = callerOf(request)
      const { name } = await core.templates.get(caller, request.params.name)
      const signal = hangupOf(reply)
      await using stream = openEventStream(reply, signal)
      const tell = (event: string, data: unknown): void => void stream.send(event, data).catch(() => {})
      try {
        await core.templates.bake(
          caller,
          name,
          (step, percent) => tell('progress', { step, percent }),
          signal,
        )
        await stream.send('done', { name })
      } catch (err) {
        if (signal.aborted) return reply
        log.warn({ err, template: name }, 'a template could not be baked')
        tell('error', { error: forCaller(err).message })
      }
      return reply
    },
  })
}
