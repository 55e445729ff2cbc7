import type { ApiApp, ApiDeps } from '../../../app.ts'

export const serveVersion = (app: ApiApp, { config }: ApiDeps): void => {
  app.get('/version', { schema: { hide: true }, config: { quiet: true } }, async () => ({
    name: 'pandastack',
    version: config.version,
    api: 'v1',
  }))
}
