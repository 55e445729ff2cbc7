// GET /sandboxes/{id}/logs: what commands wrote, as plain text, or with `follow` as `line` events until the client
// leaves. The guest holds the last piece of it only.

import { Readable } from 'node:stream'
import { z } from 'zod'
import { logLine } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { ApiApp, ApiDeps } from '../../app.ts'
import { hangupOf } from '../../hangup.ts'
import { callGuest } from './guest/call.ts'
import { forCaller } from './guest/faults.ts'
import { openSandbox, sandboxParams } from './guest/open.ts'
import { readLines } from './lines.ts'
import { openEventStream } from './sse.ts'

const followed = new Set(['1', 'true'])

export const registerLogs = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/sandboxes/:id/logs',
    exposeHeadRoute: false,
    schema: {
      operationId: 'readLogs',
      summary: 'What commands wrote; with follow=1 as server-sent events',
      tags: ['logs'],
      answers: {
        200: { description: 'Text, or events with follow', types: ['text/plain', 'text/event-stream'] },
      },
      params: sandboxParams,
      querystring: z.object({
        stream: z.enum(['both', 'stdout', 'stderr']).default('both'),
        follow: z.enum(['0', '1', 'true', 'false']).default('0'),
      }),
    },
    async handler(request, reply) {
      using stack = new DisposableStack()
      const sandbox = stack.use(await openSandbox(core, request))
      const follow = followed.has(request.query.follow)
      const signal = hangupOf(reply)
      const answer = await callGuest(sandbox, {
        method: 'GET',
        path: `/v1/logs?stream=${request.query.stream}&follow=${follow ? 1 : 0}`,
        signal,
        silenceMs: follow ? 0 : 30_000,
      })
      const lines = logLines(answer.body)
      if (!follow) {
        const held = stack.move()
        reply.raw.once('close', () => held.dispose())
        return reply.type('text/plain; charset=utf-8').send(Readable.from(lines, { objectMode: false }))
      }
      await using events = openEventStream(reply, signal)
      try {
        for await (const line of lines) await events.send('line', { line })
      } catch (error) {
        if (!signal.aborted) await events.send('error', { error: forCaller(error).message })
      }
      return reply
    },
  })
}

/** Each with one line feed at its end. */
async function* logLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const text of readLines(body)) {
    const { line } = logLine.parse(JSON.parse(text))
    yield line.endsWith('\n') ? line : `${line}\n`
  }
}
