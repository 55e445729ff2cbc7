// Snapshots, which outlive their sandbox and make others, and checkpoints, which go with it and lead back.

import type { Diff, Snapshot, SnapshotCreate } from '@pandastack/contracts/http/snapshots.ts'
import type { Call, Connection } from './connection.ts'
import { sandboxPath } from './sandboxes.ts'

/** All memory of a sandbox is written down before the reply. */
const captureHeadMs = 180_000
/** All changed files of two sides are read before the reply. */
const diffHeadMs = 180_000

export interface Snapshots {
  create(sandboxId: string, input?: SnapshotCreate, options?: { signal?: AbortSignal }): Promise<Snapshot>
  /** Newest first. */
  list(filter?: { sandboxId?: string }): Promise<Snapshot[]>
  /** Of a snapshot or a checkpoint, as are `remove` and `diff`. */
  get(id: string): Promise<Snapshot>
  remove(id: string): Promise<void>
  /** Against another snapshot or a sandbox, else against the template. */
  diff(id: string, from?: string, options?: { signal?: AbortSignal }): Promise<Diff>
}

export interface Checkpoints {
  create(sandboxId: string, input?: SnapshotCreate, options?: { signal?: AbortSignal }): Promise<Snapshot>
  /** Newest first, those included that the sandbox takes by itself. */
  list(sandboxId: string): Promise<Snapshot[]>
}

const snapshotPath = (id: string): string => `/snapshots/${encodeURIComponent(id)}`

const capture = (path: string, input: SnapshotCreate, signal: AbortSignal | undefined): Call => ({
  method: 'POST',
  path,
  json: input,
  headers: { 'idempotency-key': crypto.randomUUID() },
  headMs: captureHeadMs,
  signal,
})

export const snapshotsOf = (connection: Connection): Snapshots => ({
  create: (sandboxId, input = {}, options = {}) =>
    connection.json<Snapshot>(capture(`${sandboxPath(sandboxId)}/snapshots`, input, options.signal)),
  list: async (filter = {}) => {
    const query = { sandbox_id: filter.sandboxId }
    return (await connection.json<{ snapshots: Snapshot[] }>({ path: '/snapshots', query })).snapshots
  },
  get: (id) => connection.json<Snapshot>({ path: snapshotPath(id) }),
  remove: (id) => connection.none({ method: 'DELETE', path: snapshotPath(id) }),
  diff: (id, from, options = {}) =>
    connection.json<Diff>({
      path: `${snapshotPath(id)}/diff`,
      query: { from },
      headMs: diffHeadMs,
      signal: options.signal,
    }),
})

export const checkpointsOf = (connection: Connection): Checkpoints => ({
  create: (sandboxId, input = {}, options = {}) =>
    connection.json<Snapshot>(capture(`${sandboxPath(sandboxId)}/checkpoints`, input, options.signal)),
  list: async (sandboxId) => {
    const path = `${sandboxPath(sandboxId)}/checkpoints`
    return (await connection.json<{ snapshots: Snapshot[] }>({ path })).snapshots
  },
})
