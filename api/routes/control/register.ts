// The control half of the API, one endpoint a file.

import type { ApiApp, ApiDeps } from '../../app.ts'
import { createSandbox } from './sandboxes/create.ts'
import { deletePort } from './sandboxes/delete-port.ts'
import { deleteSandbox } from './sandboxes/delete.ts'
import { getLifecycle } from './sandboxes/get-lifecycle.ts'
import { getSandbox } from './sandboxes/get.ts'
import { listSandboxes } from './sandboxes/list.ts'
import { notYet } from './sandboxes/not-yet.ts'
import { pauseSandbox } from './sandboxes/pause.ts'
import { readEvents } from './sandboxes/events.ts'
import { readMetrics } from './sandboxes/metrics.ts'
import { resumeSandbox } from './sandboxes/resume.ts'
import { setLifecycle } from './sandboxes/set-lifecycle.ts'
import { setPort } from './sandboxes/set-port.ts'
import { signPreview } from './sandboxes/sign-preview.ts'
import { bakeTemplate } from './templates/bake.ts'
import { getTemplate } from './templates/get.ts'
import { listTemplates } from './templates/list.ts'
import { createToken } from './tokens/create.ts'
import { listTokens } from './tokens/list.ts'
import { readMe } from './tokens/me.ts'
import { revokeToken } from './tokens/revoke.ts'

const routes = [
  createSandbox,
  listSandboxes,
  getSandbox,
  deleteSandbox,
  pauseSandbox,
  resumeSandbox,
  getLifecycle,
  setLifecycle,
  setPort,
  deletePort,
  readEvents,
  readMetrics,
  signPreview,
  notYet,
  listTemplates,
  getTemplate,
  bakeTemplate,
  readMe,
  listTokens,
  createToken,
  revokeToken,
]

export const registerControl = (app: ApiApp, deps: ApiDeps): void => {
  for (const route of routes) route(app, deps)
}
