import { z } from 'zod'
import type { ApiApp, ApiDeps } from '../../../app.ts'

const schema = {
  operationId: 'readVersion',
  summary: 'What runs here',
  tags: ['system'],
  open: true,
  response: { 200: z.object({ name: z.string(), version: z.string(), api: z.string() }) },
}

export const serveVersion = (app: ApiApp, { config }: ApiDeps): void => {
  app.get('/version', { schema, config: { quiet: true } }, async () => ({
    name: 'pandastack',
    version: config.version,
    api: 'v1',
  }))
}
