// Code contexts and code run once, under /sandboxes/{id}/repl.

import { z } from 'zod'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import type { ByteBudget } from '../guest/body.ts'
import { registerContexts } from './contexts.ts'
import { registerOnce } from './once.ts'
import { registerCells } from './cells.ts'
import { languages } from './languages.ts'
import { Turns } from './turns.ts'

const languageShape = z
  .object({
    id: z.string(),
    name: z.string(),
    aliases: z.array(z.string()).readonly(),
    /** Whether there are code contexts that keep state. */
    sessions: z.boolean(),
  })
  .meta({ id: 'Language' })

export const registerRepl = (app: ApiApp, deps: ApiDeps, budget: ByteBudget): void => {
  const turns = new Turns()
  registerContexts(app, deps, turns, budget)
  registerCells(app, deps, turns, budget)
  registerOnce(app, deps, budget)
  app.get(
    '/repl/languages',
    {
      schema: {
        operationId: 'listLanguages',
        summary: 'Languages that code can be run in',
        tags: ['repl'],
        response: { 200: z.object({ languages: z.array(languageShape) }) },
      },
    },
    () => ({
      languages: languages.map(({ id, aliases, driver }) => ({
        id,
        name: id,
        aliases,
        sessions: driver !== null,
      })),
    }),
  )
}
