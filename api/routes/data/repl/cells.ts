// POST /sandboxes/{id}/repl/sessions/{sid}/run: one cell. Cells of a session run one after another.

import { z } from 'zod'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { hangupOf } from '../../../hangup.ts'
import { commandBodyMaxBytes } from '../exec/command.ts'
import type { ByteBudget } from '../guest/body.ts'
import { openSandbox } from '../guest/open.ts'
import { runCell } from './cell.ts'
import { sessionParams } from './contexts.ts'
import { findSession } from './sessions.ts'
import type { Turns } from './turns.ts'

const timeoutMsDefault = 30_000

const cellRequest = z.object({
  code: z.string().max(8_388_608),
  timeout_ms: z.number().int().positive().max(86_400_000).default(timeoutMsDefault),
})
/** `exit` and `exit_code` are the same: one client reads the one first, one the other. */
const cellResult = z
  .object({
    stdout: z.string(),
    stderr: z.string(),
    exit: z.number().int(),
    exit_code: z.number().int(),
    duration_ms: z.number(),
    results: z.array(z.record(z.string(), z.string())),
    error: z.string().optional(),
  })
  .meta({ id: 'CellResult' })

export const registerCells = (app: ApiApp, { core }: ApiDeps, turns: Turns, budget: ByteBudget): void => {
  app.post(
    '/sandboxes/:id/repl/sessions/:sid/run',
    {
      bodyLimit: commandBodyMaxBytes,
      schema: {
        operationId: 'runCell',
        summary: 'Run a cell in a code context',
        tags: ['repl'],
        params: sessionParams,
        body: cellRequest,
        response: { 200: cellResult },
      },
    },
    async (request, reply) => {
      using sandbox = await openSandbox(core, request)
      const { code, timeout_ms: timeoutMs } = request.body
      const signal = hangupOf(reply)
      const sessionId = request.params.sid
      if (!turns.knows(sessionId)) await findSession(sandbox, sessionId)
      using turn = await turns.next(sessionId, signal)
      const cell = { sandbox, sessionId, turn, code, timeoutMs, budget }
      const { stdout, stderr, results, error, duration_ms } = await runCell(cell, signal)
      const exit = error === null ? 0 : 1
      return {
        stdout,
        stderr,
        exit,
        exit_code: exit,
        duration_ms,
        results,
        ...(error !== null && { error }),
      }
    },
  )
}
