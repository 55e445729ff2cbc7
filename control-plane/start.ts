// Builds and starts the control plane. Everything is released in the reverse order of its making, also when the start
// fails half-way.

import { createEdge } from '@pandastack/edge/edge.ts'
import { buildApi } from '@pandastack/api/server.ts'
import type { ApiConfig } from '@pandastack/api/app.ts'
import type { Context } from '@pandastack/core/context.ts'
import type { Core } from '@pandastack/core/core.ts'
import type { HostLink } from '@pandastack/core/hosts/hosts.ts'
import { defaultSettings } from '@pandastack/core/settings.ts'
import type { Settings } from '@pandastack/core/settings.ts'
import { migrate } from '@pandastack/db/migrate.ts'
import { openDatabase } from '@pandastack/db/open.ts'
import { createGuestPort } from '@pandastack/host-client/guest-port.ts'
import { createHostPort } from '@pandastack/host-client/host-port.ts'
import type { Clock } from '@pandastack/kit/clock/clock.ts'
import { createLog } from '@pandastack/kit/log/log.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import { createSeal } from '@pandastack/kit/seal/seal.ts'
import { createMetrics } from '@pandastack/kit/metrics/metrics.ts'
import type { Config } from './config.ts'
import { createCore } from './core.ts'
import { createFront } from './front.ts'

export interface ControlPlane extends AsyncDisposable {
  readonly url: string
  readonly core: Core
  readonly context: Context
  /** Stops accepting, lets what is at work finish within the time, then ends the rest. */
  close(withinMs?: number): Promise<void>
}

export interface StartOptions {
  /** Instead of the one agent of the configuration. */
  hosts?: readonly HostLink[]
  settings?: Partial<Settings>
  clock?: Clock
  log?: Log
}

const drainMsDefault = 8000

export const startControlPlane = async (
  config: Config,
  options: StartOptions = {},
): Promise<ControlPlane> => {
  await using stack = new AsyncDisposableStack()
  const log = options.log ?? createLog({ name: 'control-plane', level: config.logLevel })
  const metrics = createMetrics({ processMetrics: options.hosts === undefined })
  const database = stack.use(openDatabase({ url: config.databaseUrl, log }))
  const seal = createSeal(config.sealKey)
  const applied = await migrate(database.db, seal)
  if (applied.length > 0) log.info({ applied }, 'the database was migrated')
  const links = options.hosts ?? [stack.use(linkToAgent(config, log))]
  const { core, context } = stack.use(
    await createCore({
      database,
      links,
      log,
      metrics,
      seal,
      settings: { ...defaultSettings, secret: config.secret, ...options.settings },
      ...(options.clock && { clock: options.clock }),
    }),
  )
  const edge = createEdge({
    core,
    log,
    suffix: config.previewSuffix,
    verifyKey: (key: string, requestId = '') => core.authenticate(key, requestId),
  })
  const front = createFront({ edge, connectionsMax: config.connectionsMax })
  let url = ''
  const apiConfig: ApiConfig = {
    version: config.version,
    previewSuffix: config.previewSuffix,
    get publicUrl() {
      return config.publicUrl ?? url
    },
  }
  const app = await buildApi(
    { core, log, metrics, config: apiConfig },
    { serverFactory: front.serverFactory },
  )
  let drainMs = drainMsDefault
  stack.defer(async () => {
    const cut = setTimeout(() => {
      front.endUpgraded()
      app.server.closeAllConnections()
    }, drainMs)
    app.server.closeIdleConnections()
    await app.close()
    clearTimeout(cut)
    front.endUpgraded()
  })
  front.serve(app)
  url = await app.listen(config.listen)
  log.info({ url }, 'listening')
  const owned = stack.move()
  return {
    url,
    core,
    context,
    async close(withinMs = drainMsDefault) {
      drainMs = withinMs
      await owned.disposeAsync()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const sentencesOf = (error: unknown): string =>
  error instanceof Error ? [error.message, ...(error.cause ? [sentencesOf(error.cause)] : [])].join(': ') : ''

const linkToAgent = (config: Config, log: Log): HostLink & AsyncDisposable => {
  const host = createHostPort({
    socketPath: config.agentSocket,
    // It tries again by itself; the comparison with the host tells of an outage, once.
    onTrouble: (error) => log.debug({ why: sentencesOf(error) }, 'the reports of the host agent broke off'),
  })
  const guest = createGuestPort({ relaySocketPath: config.relaySocket })
  return {
    name: 'local',
    host,
    guest,
    async [Symbol.asyncDispose]() {
      await guest[Symbol.asyncDispose]()
      await host[Symbol.asyncDispose]()
    },
  }
}
