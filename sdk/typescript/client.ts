// The client: everything of the API under the names its users know. Stateless; making one costs nothing.

import { connect, type ClientOptions } from './connection.ts'
import { execsOf, type Execs } from './exec.ts'
import { filesOf, type Files } from './files.ts'
import { logsOf, type Logs } from './logs.ts'
import { sandboxesOf, type Sandboxes } from './sandboxes.ts'
import { templatesOf, type Templates } from './templates.ts'
import { terminalsOf, type Terminals } from './terminal.ts'
import { tokensOf, type Tokens } from './tokens.ts'

export interface Client {
  readonly url: string
  sandboxes: Sandboxes
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
  Sandbox,
  SandboxCreate,
  Template,
  Token,
} from '@pandastack/contracts/http/shapes.ts'
