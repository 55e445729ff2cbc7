// Binds core's verbs to a database and to hosts. Owns everything with a life of its own: the listener, the deadlines,
// the watch over hosts, the regular work. Disposing drains: what is at work is finished, marks of use are stored.

import { PandaError } from '@pandastack/contracts/errors.ts'
import { createBackground } from '@pandastack/core/background.ts'
import type { Context } from '@pandastack/core/context.ts'
import type { Core } from '@pandastack/core/core.ts'
import { createEventWakers } from '@pandastack/core/events/wakers.ts'
import { flushUses, keepHouse } from '@pandastack/core/housekeeping.ts'
import { createHosts } from '@pandastack/core/hosts/hosts.ts'
import type { HostLink } from '@pandastack/core/hosts/hosts.ts'
import { endAbandonedOperations } from '@pandastack/core/forks/abandoned.ts'
import { tendSnapshots } from '@pandastack/core/snapshots/tend.ts'
import { watch } from '@pandastack/core/sandboxes/watch.ts'
import { createMeasures } from '@pandastack/core/measures.ts'
import { createPassing } from '@pandastack/core/passing.ts'
import { createKeyCache } from '@pandastack/core/projects/key-cache.ts'
import { lookAt } from '@pandastack/core/sandboxes/expire.ts'
import { createRegistry } from '@pandastack/core/sandboxes/registry.ts'
import { rearm } from '@pandastack/core/sandboxes/use.ts'
import type { Settings } from '@pandastack/core/settings.ts'
import type { Database } from '@pandastack/db/open.ts'
import { listen } from '@pandastack/db/listen.ts'
import { recordHost } from '@pandastack/db/tables/hosts.ts'
import { systemClock } from '@pandastack/kit/clock/clock.ts'
import type { Clock } from '@pandastack/kit/clock/clock.ts'
import { createDeadlines } from '@pandastack/kit/clock/deadlines.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import type { Metrics } from '@pandastack/kit/metrics/metrics.ts'
import type { Seal } from '@pandastack/kit/seal/seal.ts'
import { createFairQueue } from '@pandastack/kit/queue/fair-queue.ts'
import { bindVerbs } from './verbs.ts'

export interface CoreParts {
  database: Database
  links: readonly HostLink[]
  log: Log
  metrics: Metrics
  settings: Settings
  seal: Seal
  clock?: Clock
}

export interface RunningCore extends AsyncDisposable {
  readonly core: Core
  readonly context: Context
}

/** Our own writes are known before they are heard of; this lets the answer to a write overtake its echo. */
const echoMs = 25

export const createCore = async (parts: CoreParts): Promise<RunningCore> => {
  const stop = new AbortController()
  const context = createContext(parts, stop.signal)
  const { registry, eventWakers, background, log } = context
  await registry.reload()
  for (const live of registry.all()) {
    // Whoever waited for these has lost the connection with the process that was making them.
    if (live.row.status === 'creating') live.abandoned = live.row.idempotency_key === null
  }
  const listener = listen({
    url: parts.database.url,
    log,
    channels: {
      sandboxes(payload) {
        const [id = '', version = ''] = payload.split(' ')
        setTimeout(
          () => background.run('hear of a sandbox', () => registry.heard(id, Number(version))),
          echoMs,
        ).unref()
      },
      events: (payload) => eventWakers.wake(payload.split(' ')[0] ?? ''),
    },
    onReconnect() {
      background.run('reload sandboxes', () => registry.reload())
      eventWakers.wakeAll()
    },
  })
  await listener.ready
  await endAbandonedOperations(context)
  const loops = Promise.all([
    watch(context, stop.signal),
    tendSnapshots(context, stop.signal),
    keepHouse(context, stop.signal),
  ])
  return {
    core: bindVerbs(context),
    context,
    async [Symbol.asyncDispose]() {
      stop.abort(new PandaError('unavailable', 'the server is stopping', { retryAfterSeconds: 2 }))
      context.deadlines.close()
      await loops
      await background.idle()
      await flushUses(context).catch((err: unknown) => log.warn({ err }, 'marks of use were not stored'))
      await context.keys.flush().catch(() => {})
      await listener[Symbol.asyncDispose]()
    },
  }
}

const createContext = (parts: CoreParts, stopping: AbortSignal): Context => {
  const { log, settings, metrics, seal } = parts
  const { db } = parts.database
  const clock = parts.clock ?? systemClock
  const background = createBackground(log)
  const deadlines = createDeadlines((id) => lookAt(context, id))
  const registry = createRegistry({
    db,
    clock,
    seal,
    onChange: (live) => rearm({ clock, deadlines }, live),
  })
  const hosts = createHosts({
    links: parts.links,
    clock,
    countOn(name) {
      let count = 0
      for (const { row } of registry.all()) if (row.host === name && holdsMachine.has(row.status)) count += 1
      return count
    },
    onSeen: (link, info) =>
      background.run('record a host', () =>
        recordHost(db, link.name, info.hostId, info, new Date(clock.wallMs())),
      ),
  })
  const creates = createFairQueue({
    concurrency: settings.createsAtOnce * Math.max(1, parts.links.length),
    waitingMax: settings.createsWaitingMax,
  })
  const context: Context = {
    db,
    log,
    clock,
    settings,
    seal,
    background,
    stopping,
    deadlines,
    registry,
    hosts,
    creates,
    measures: createMeasures(metrics),
    keys: createKeyCache(db, clock),
    eventWakers: createEventWakers(),
    passing: createPassing(),
    underWay: new Map(),
  }
  metrics.gauge('pandastack_creates_waiting', 'Creates that wait for their turn', [], (gauge) =>
    gauge.set(creates.waiting),
  )
  metrics.gauge('pandastack_sandboxes', 'Sandboxes by state', ['status'], (gauge) => {
    gauge.reset()
    for (const { row } of registry.all()) gauge.inc({ status: row.status })
  })
  return context
}

const holdsMachine: ReadonlySet<string> = new Set(['creating', 'running', 'paused'])
