// The data half of the API: exec, terminals, code contexts, files, logs, ports, proxy. Bytes flow between the client
// and the guest; core only says who may.

import type { ApiApp, ApiDeps } from '../../app.ts'
import { registerExecSocket } from './exec/socket.ts'
import { registerRun } from './exec/run.ts'
import { registerStream } from './exec/stream.ts'
import { registerChanges } from './fs/change.ts'
import { registerReaders } from './fs/read.ts'
import { registerWrite } from './fs/write.ts'
import { ByteBudget } from './guest/body.ts'
import { registerLogs } from './logs.ts'
import { registerPorts } from './ports/list.ts'
import { registerPreview } from './ports/preview.ts'
import { registerProxy } from './ports/proxy.ts'
import { registerRepl } from './repl/register.ts'
import { registerTerminal } from './terminal/register.ts'

/** Memory that large results may take, all requests together. */
const resultsMaxBytes = 512 * 1024 * 1024

export const registerData = async (app: ApiApp, deps: ApiDeps): Promise<void> => {
  const budget = new ByteBudget(resultsMaxBytes)
  registerRun(app, deps, budget)
  registerStream(app, deps)
  registerExecSocket(app, deps)
  registerTerminal(app, deps)
  registerRepl(app, deps, budget)
  registerReaders(app, deps)
  registerChanges(app, deps)
  registerLogs(app, deps)
  registerPorts(app, deps)
  await app.register(async (scope: ApiApp) => {
    leaveBodies(scope)
    registerWrite(scope, deps)
    registerProxy(scope, deps)
    registerPreview(scope, deps)
  })
}

/** Bodies stay on the request, unread, whatever their type and size. */
const leaveBodies = (scope: ApiApp): void => {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
}
