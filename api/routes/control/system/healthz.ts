import { z } from 'zod'
import type { ApiApp } from '../../../app.ts'

const schema = {
  operationId: 'readHealth',
  summary: 'Whether the server answers',
  tags: ['system'],
  open: true,
  response: { 200: z.object({ ok: z.boolean(), status: z.string() }) },
}

/** The process answers. Whether it can do its work is for metrics and `status` to tell. */
export const serveHealth = (app: ApiApp): void => {
  app.get('/healthz', { schema, config: { quiet: true } }, async () => ({
    ok: true,
    status: 'ok',
  }))
}
