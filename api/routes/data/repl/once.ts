// POST /sandboxes/{id}/repl: code run once, in a process of its own that gets the code on its standard input.

import { z } from 'zod'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { ran } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { RunRequest } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { hangupOf } from '../../../hangup.ts'
import { commandBodyMaxBytes } from '../exec/command.ts'
import { readBytes } from '../guest/body.ts'
import type { ByteBudget } from '../guest/body.ts'
import { callGuest, json } from '../guest/call.ts'
import { forCaller } from '../guest/faults.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'
import { findLanguage } from './languages.ts'

const replyMaxBytes = 100 * 1024 * 1024
const graceMs = 15_000

const onceRequest = z.object({
  language: z.string().default('python'),
  code: z.string().max(8_388_608),
  timeout_ms: z.number().int().positive().max(86_400_000).default(30_000),
})

const onceResult = z
  .object({
    language: z.string(),
    stdout: z.string(),
    stderr: z.string(),
    exit: z.number().int(),
    exit_code: z.number().int(),
    duration_ms: z.number(),
  })
  .meta({ id: 'CodeResult' })

export const registerOnce = (app: ApiApp, { core }: ApiDeps, budget: ByteBudget): void => {
  app.post(
    '/sandboxes/:id/repl',
    {
      bodyLimit: commandBodyMaxBytes,
      schema: {
        operationId: 'runCode',
        summary: 'Run code once',
        tags: ['repl'],
        params: sandboxParams,
        body: onceRequest,
        response: { 200: onceResult },
      },
    },
    async (request, reply) => {
      using sandbox = await openSandbox(core, request)
      using memory = budget.open()
      const { code, timeout_ms } = request.body
      const language = findLanguage(request.body.language)
      const stdin = Buffer.from(code, 'utf8').toString('base64')
      const run: RunRequest = { argv: language.once, stdin, timeout_ms }
      const answer = await callGuest(sandbox, {
        method: 'POST',
        path: '/v1/run',
        ...json(run),
        signal: hangupOf(reply),
        silenceMs: timeout_ms + graceMs,
      })
      try {
        const bytes = await readBytes(answer, replyMaxBytes, memory.take)
        const { stdout, stderr, exit_code, duration_ms, timed_out } = ran.parse(
          JSON.parse(bytes.toString('utf8')),
        )
        if (timed_out) throw new PandaError('exec_timeout', `code timeout after ${timeout_ms} ms`)
        return { language: language.id, stdout, stderr, exit: exit_code, exit_code, duration_ms }
      } catch (error) {
        throw forCaller(error)
      }
    },
  )
}
