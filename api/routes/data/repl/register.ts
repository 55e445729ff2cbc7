// Code contexts and code run once, under /sandboxes/{id}/repl.

import type { ApiApp, ApiDeps } from '../../../app.ts'
import type { ByteBudget } from '../guest/body.ts'
import { registerContexts } from './contexts.ts'
import { registerOnce } from './once.ts'
import { registerCells } from './cells.ts'
import { languages } from './languages.ts'
import { Turns } from './turns.ts'

export const registerRepl = (app: ApiApp, deps: ApiDeps, budget: ByteBudget): void => {
  const turns = new Turns()
  registerContexts(app, deps, turns, budget)
  registerCells(app, deps, turns, budget)
  registerOnce(app, deps, budget)
  app.get(
    '/repl/languages',
    {
      schema: { operationId: 'listLanguages', summary: 'Languages that code can be run in', tags: ['repl'] },
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
