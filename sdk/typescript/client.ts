// The client: everything of the API under the names its users know. Stateless; making one costs nothing.

import { attemptsOf, type Attempts } from './attempts.ts'
import { connect, type ClientOptions } from './connection.ts'
import { execsOf, type Execs } from './exec.ts'
import { filesOf, type Files } from './files.ts'
import { forksOf, type Forks } from './forks.ts'
import { logsOf, type Logs } from './logs.ts'
import { sandboxesOf, type Sandboxes } from './sandboxes.ts'
import { checkpointsOf, snapshotsOf, type Checkpoints, type Snapshots } from './snapshots.ts'
import { templatesOf, type Templates } from './templates.ts'
import { terminalsOf, type Terminals } from './terminal.ts'
import { tokensOf, type Tokens } from './tokens.ts'

export interface Client {
  readonly url: string
  sandboxes: Sandboxes
  snapshots: Snapshots
  checkpoints: Checkpoints
  forks: Forks
  attempts: Attempts
  exec: Execs
  files: Files
  logs: Logs
  templates: Templates
  terminals: Terminals
  tokens: Tokens
  /** True when the server answers; needs no key. */
  healthy(timeoutMs?: number): Promise<boolean>
  version(): Promise<{ version: string }>
}

export const createClient = (options: ClientOptions): Client => {
  const connection = connect(options)
  return {
    url: connection.url,
    sandboxes: sandboxesOf(connection),
    snapshots: snapshotsOf(connection),
    checkpoints: checkpointsOf(connection),
    forks: forksOf(connection),
    attempts: attemptsOf(connection),
    exec: execsOf(connection),
    files: filesOf(connection),
    logs: logsOf(connection),
    templates: templatesOf(connection),
    terminals: terminalsOf(connection),
    tokens: tokensOf(connection),
    healthy: (timeoutMs = 5000) =>
      connection.none({ path: '//healthz', headMs: timeoutMs }).then(
        () => true,
        () => false,
      ),
    version: () => connection.json<{ version: string }>({ path: '//version' }),
  }
}

export type {
  ExecRequest,
  ExecResult,
  Event,
  Lifecycle,
  LifecycleChange,
  Sandbox,
  SandboxCreate,
  Template,
  Token,
} from '@pandastack/contracts/http/shapes.ts'
export type {
  AttemptOutcome,
  AttemptsRequest,
  AttemptsResult,
  Diff,
  ForkedTree,
  Promoted,
  Rewound,
  RewindRequest,
  Snapshot,
  SnapshotCreate,
} from '@pandastack/contracts/http/snapshots.ts'
export type { Forked, ForkWish } from './forks.ts'
