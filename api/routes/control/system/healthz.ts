import type { ApiApp } from '../../../app.ts'

/** The process answers. Whether it can do its work is for metrics and `status` to tell. */
export const serveHealth = (app: ApiApp): void => {
  app.get('/healthz', { schema: { hide: true }, config: { quiet: true } }, async () => ({
    ok: true,
    status: 'ok',
  }))
}
