// POST /sandboxes/{id}/exec/stream: a command's output as server-sent events. What fails before the command has
// started is an ordinary error reply; what fails later is an `error` event. The exit event comes whenever the exit is
// known, after the error when there was one.

import { execRequest } from '@pandastack/contracts/http/shapes.ts'
import type { ExecRequest } from '@pandastack/contracts/http/shapes.ts'
import { eventStream } from '../../../answers.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { hangupOf } from '../../../hangup.ts'
import { forCaller } from '../guest/faults.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'
import { openEventStream } from '../sse.ts'
import type { EventStream } from '../sse.ts'
import { commandBodyMaxBytes, guestCommand, streamSecondsDefault, timeoutSentence } from './command.ts'
import { outputs, startExec } from './outputs.ts'
import type { Output } from './outputs.ts'

export const registerStream = (app: ApiApp, { core }: ApiDeps): void => {
  app.post(
    '/sandboxes/:id/exec/stream',
    {
      bodyLimit: commandBodyMaxBytes,
      schema: {
        operationId: 'execStream',
        summary: 'Run a command and stream its output as server-sent events',
        tags: ['exec'],
        params: sandboxParams,
        body: execRequest,
        answers: { 200: eventStream },
      },
    },
    async (request, reply) => {
      using sandbox = await openSandbox(core, request)
      await sandbox.beforeCommand(request.body.cmd)
      const signal = hangupOf(reply)
      const command = guestCommand(request.body, streamSecondsDefault)
      const frames = await startExec(sandbox, command, signal)
      await using events = openEventStream(reply, signal)
      try {
        for await (const output of outputs(frames)) await forward(events, output, request.body)
      } catch (error) {
        if (!signal.aborted) await events.send('error', { error: forCaller(error).message })
      }
    },
  )
}

const forward = async (events: EventStream, output: Output, request: ExecRequest): Promise<void> => {
  if ('text' in output) return events.send(output.stream, { chunk: output.text })
  const { exit_code, timed_out, error } = output.exit
  if (timed_out) await events.send('error', { error: timeoutSentence(request, streamSecondsDefault) })
  else if (error !== undefined) await events.send('error', { error })
  await events.send('exit', { exit_code })
}
