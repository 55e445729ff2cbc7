// What the verbs work with. Made once by the composition root; verbs take it as their first argument.

import type { Clock } from '@pandastack/kit/clock/clock.ts'
import type { Deadlines } from '@pandastack/kit/clock/deadlines.ts'
import type { FairQueue } from '@pandastack/kit/queue/fair-queue.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import type { Seal } from '@pandastack/kit/seal/seal.ts'
import type { Db } from '@pandastack/db/schema.ts'
import type { Background } from './background.ts'
import type { EventWakers } from './events/wakers.ts'
import type { Hosts } from './hosts/hosts.ts'
import type { KeyCache } from './projects/key-cache.ts'
import type { Measures } from './measures.ts'
import type { Passing } from './passing.ts'
import type { Registry } from './sandboxes/registry.ts'
import type { Settings } from './settings.ts'

export interface Context {
  readonly db: Db
  readonly log: Log
  readonly clock: Clock
  readonly settings: Settings
  readonly seal: Seal
  readonly measures: Measures
  readonly hosts: Hosts
  readonly registry: Registry
  readonly creates: FairQueue
  readonly keys: KeyCache
  /** When a sandbox needs a look: to end it, or to tell its host of later use. */
  readonly deadlines: Deadlines
  readonly eventWakers: EventWakers
  /** Requests with an Idempotency-Key that are at work in this process, by project and key. */
  readonly underWay: Map<string, Promise<void>>
  readonly passing: Passing
  readonly background: Background
  /** Aborts when this process is about to leave. */
  readonly stopping: AbortSignal
}
