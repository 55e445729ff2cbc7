// The control half of the API, one endpoint a file.

import type { ApiApp, ApiDeps } from '../../app.ts'
import { runAttempts } from './forks/attempts.ts'
import { forkTree } from './forks/fork-tree.ts'
import { forkSandbox } from './forks/fork.ts'
import { promoteFork } from './forks/promote.ts'
import { createSandbox } from './sandboxes/create.ts'
import { deletePort } from './sandboxes/delete-port.ts'
import { deleteSandbox } from './sandboxes/delete.ts'
import { getLifecycle } from './sandboxes/get-lifecycle.ts'
import { getSandbox } from './sandboxes/get.ts'
import { hibernateSandbox } from './sandboxes/hibernate.ts'
import { listSandboxes } from './sandboxes/list.ts'
import { pauseSandbox } from './sandboxes/pause.ts'
import { readEvents } from './sandboxes/events.ts'
import { readMetrics } from './sandboxes/metrics.ts'
import { resumeSandbox } from './sandboxes/resume.ts'
import { setLifecycle } from './sandboxes/set-lifecycle.ts'
import { setPort } from './sandboxes/set-port.ts'
import { signPreview } from './sandboxes/sign-preview.ts'
import { wakeSandbox } from './sandboxes/wake.ts'
import { createCheckpoint } from './snapshots/create-checkpoint.ts'
import { createSnapshot } from './snapshots/create.ts'
import { deleteSnapshot } from './snapshots/delete.ts'
import { readDiff } from './snapshots/diff.ts'
import { getSnapshot } from './snapshots/get.ts'
import { listCheckpoints } from './snapshots/list-checkpoints.ts'
import { listSnapshots } from './snapshots/list.ts'
import { rewindSandbox } from './snapshots/rewind.ts'
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
  hibernateSandbox,
  wakeSandbox,
  getLifecycle,
  setLifecycle,
  setPort,
  deletePort,
  readEvents,
  readMetrics,
  signPreview,
  createSnapshot,
  listSnapshots,
  getSnapshot,
  deleteSnapshot,
  createCheckpoint,
  listCheckpoints,
  rewindSandbox,
  readDiff,
  forkSandbox,
  forkTree,
  promoteFork,
  runAttempts,
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
