// POST, GET and DELETE /sandboxes/{id}/repl/sessions: code contexts come and go.

import { z } from 'zod'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { OpenSandbox } from '@pandastack/core/core.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { hangupOf } from '../../../hangup.ts'
import { idempotencyOf } from '../../../idempotency-key.ts'
import type { ByteBudget } from '../guest/body.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'
import { runCell } from './cell.ts'
import { findLanguage } from './languages.ts'
import type { Language } from './languages.ts'
import {
  endSession,
  findSession,
  listSessions,
  sessionIdFor,
  signalSession,
  startSession,
} from './sessions.ts'
import type { Session } from './sessions.ts'
import type { Turns } from './turns.ts'

const startMs = 20_000

export const sessionParams = sandboxParams.extend({ sid: z.string() })
const sessionShape = z
  .object({ id: z.string(), sandbox_id: z.string(), language: z.string(), created_at: z.string() })
  .meta({ id: 'CodeContext' })

export const registerContexts = (app: ApiApp, { core }: ApiDeps, turns: Turns, budget: ByteBudget): void => {
  const path = '/sandboxes/:id/repl/sessions'
  app.post(
    path,
    {
      schema: {
        operationId: 'createCodeContext',
        summary: 'Start a code context, whose cells share their state',
        tags: ['repl'],
        params: sandboxParams,
        keyed: true,
        body: z.object({ language: z.string().default('python') }),
        response: { 201: sessionShape },
      },
    },
    async (request, reply) => {
      using sandbox = await openSandbox(core, request)
      const language = findLanguage(request.body.language)
      const { idempotencyKey } = idempotencyOf(request)
      const id = sessionIdFor(request.params.id, idempotencyKey)
      const known =
        idempotencyKey === undefined ? undefined : (await listSessions(sandbox)).find((one) => one.id === id)
      if (known) return reply.code(201).send(shaped(request.params.id, repeated(known, language)))
      const session = await startSession(sandbox, language, id, hangupOf(reply))
      await proved(sandbox, session, turns, budget)
      return reply.code(201).send(shaped(request.params.id, session))
    },
  )
  app.get(
    path,
    {
      schema: {
        operationId: 'listCodeContexts',
        summary: 'Running code contexts',
        tags: ['repl'],
        params: sandboxParams,
        response: { 200: z.array(sessionShape) },
      },
    },
    async (request) => {
      using sandbox = await openSandbox(core, request)
      return (await listSessions(sandbox)).map((session) => shaped(request.params.id, session))
    },
  )
  app.delete(
    `${path}/:sid`,
    {
      schema: {
        operationId: 'deleteCodeContext',
        summary: 'End a code context',
        tags: ['repl'],
        params: sessionParams,
        response: { 204: z.null().describe('Done') },
      },
    },
    async (request, reply) => {
      using sandbox = await openSandbox(core, request)
      const { id } = await findSession(sandbox, request.params.sid)
      await endSession(sandbox, id)
      turns.forget(id)
      return reply.code(204).send(null)
    },
  )
}

const repeated = (session: Session, language: Language): Session => {
  if (session.language === language.id) return session
  throw new PandaError('idempotency_mismatch', 'this Idempotency-Key was used for another request')
}

const shaped = (sandboxId: string, { id, language, created_at }: Session) => ({
  id,
  sandbox_id: sandboxId,
  language,
  created_at,
})

/** Runs an empty cell: a context that was handed out works. */
const proved = async (
  sandbox: OpenSandbox,
  { id, language }: Session,
  turns: Turns,
  budget: ByteBudget,
): Promise<void> => {
  const { signal } = new AbortController()
  using turn = await turns.next(id, signal)
  try {
    await runCell({ sandbox, sessionId: id, turn, code: '', timeoutMs: startMs, budget }, signal)
  } catch (error) {
    await signalSession(sandbox, id, 9)
    if (!(error instanceof PandaError) || error.code !== 'not_found') throw error
    throw new PandaError('invalid_request', `${language} does not start in this sandbox; is it installed?`, {
      cause: error,
    })
  }
}
