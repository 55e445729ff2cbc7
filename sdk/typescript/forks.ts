// Forks: children of a running sandbox that go on from the same instant, and what becomes of the best of them.

import type {
  Forked,
  ForkedTree,
  ForkRequest,
  Promoted,
  PromoteRequest,
} from '@pandastack/contracts/http/snapshots.ts'
import type { Call, Connection } from './connection.ts'
import { sandboxPath } from './sandboxes.ts'

export type { Forked }
export type ForkWish = Omit<ForkRequest, 'mode'>

/** How long a fork waits for a host that is full before it gives up. */
const forkPatienceMs = 60_000
/** Up to a hundred children are made before the reply. */
const forkHeadMs = 240_000

export interface Forks {
  /** One child unless told otherwise; `sandbox` is the first. */
  fork(id: string, input?: ForkWish, options?: { signal?: AbortSignal }): Promise<Forked>
  /** Two children unless told otherwise. `errors` says which could not be made. */
  tree(id: string, input?: ForkWish, options?: { signal?: AbortSignal }): Promise<ForkedTree>
  /** Makes a child a sandbox of its own, or with `take_over` its parent. */
  promote(id: string, input?: PromoteRequest): Promise<Promoted>
}

const forking = (path: string, input: ForkWish, signal: AbortSignal | undefined): Call => ({
  method: 'POST',
  path,
  json: input,
  // With a key, waiting and asking again makes the children once and not twice.
  headers: { 'idempotency-key': crypto.randomUUID() },
  patienceMs: forkPatienceMs,
  headMs: forkHeadMs,
  signal,
})

export const forksOf = (connection: Connection): Forks => ({
  fork: (id, input = {}, options = {}) =>
    connection.json<Forked>(forking(`${sandboxPath(id)}/fork`, input, options.signal)),
  tree: (id, input = {}, options = {}) =>
    connection.json<ForkedTree>(forking(`${sandboxPath(id)}/fork-tree`, input, options.signal)),
  promote: (id, input = {}) =>
    connection.json<Promoted>({
      method: 'POST',
      path: `${sandboxPath(id)}/promote`,
      json: input,
      // A take-over captures the winner and restores it in the parent's place.
      headMs: forkHeadMs,
    }),
})
