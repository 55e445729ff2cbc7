// What the server tells about itself, outside of /v1.

import type { ApiApp, ApiDeps } from '../../../app.ts'
import { serveHealth } from './healthz.ts'
import { serveMetrics } from './metrics.ts'
import { serveVersion } from './version.ts'

export const registerSystem = (app: ApiApp, deps: ApiDeps): void => {
  serveHealth(app)
  serveVersion(app, deps)
  serveMetrics(app, deps)
}
