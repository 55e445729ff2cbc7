// POST /sandboxes/{id}/exec: a command in, its result out. The guest's JSON goes to the client as it came, once it has
// been seen to be what was promised.

import { execRequest, execResult } from '@pandastack/contracts/http/shapes.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { ran } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { Ran } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { hangupOf } from '../../../hangup.ts'
import { readBytes } from '../guest/body.ts'
import type { ByteBudget } from '../guest/body.ts'
import { callGuest, json } from '../guest/call.ts'
import { forCaller } from '../guest/faults.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'
import { commandBodyMaxBytes, guestCommand, runSecondsDefault, timeoutSentence } from './command.ts'

/** Twice 8 MiB of output, each byte written as `\u00XX`. */
const replyMaxBytes = 100 * 1024 * 1024
/** On top of the command's own deadline, which the guest keeps. */
const graceMs = 15_000

export const registerRun = (app: ApiApp, { core }: ApiDeps, budget: ByteBudget): void => {
  app.post(
    '/sandboxes/:id/exec',
    {
      bodyLimit: commandBodyMaxBytes,
      schema: {
        operationId: 'exec',
        summary: 'Run a command and wait for its result',
        tags: ['exec'],
        params: sandboxParams,
        body: execRequest,
        response: { 200: execResult },
      },
    },
    async (request, reply) => {
      using sandbox = await openSandbox(core, request)
      await sandbox.beforeCommand(request.body.cmd)
      const command = guestCommand(request.body, runSecondsDefault)
      const answer = await callGuest(sandbox, {
        method: 'POST',
        path: '/v1/run',
        ...json(command),
        signal: hangupOf(reply),
        silenceMs: (command.timeout_ms ?? 0) + graceMs,
      })
      const memory = budget.open()
      reply.raw.once('close', () => memory[Symbol.dispose]())
      const bytes = await readBytes(answer, replyMaxBytes, memory.take).catch((error: unknown) => {
        throw forCaller(error)
      })
      if (checked(bytes).timed_out) {
        throw new PandaError('exec_timeout', timeoutSentence(request.body, runSecondsDefault))
      }
      // Sent as it is: the response schema describes it, and is not run over it again.
      return reply.type('application/json; charset=utf-8').send(bytes as never)
    },
  )
}

const checked = (bytes: Buffer): Ran => {
  try {
    return ran.parse(JSON.parse(bytes.toString('utf8')))
  } catch (error) {
    throw new PandaError('upstream', 'the sandbox answered with something else than a result', {
      cause: error,
    })
  }
}
