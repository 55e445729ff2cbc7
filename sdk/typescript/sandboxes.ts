// Sandboxes: make, look up, change, end.

import type { Lifecycle, LifecycleChange, Sandbox, SandboxCreate } from '@pandastack/contracts/http/shapes.ts'
import type { Diff, Rewound, RewindRequest } from '@pandastack/contracts/http/snapshots.ts'
import type { Connection } from './connection.ts'

/** How long a create waits for a host that is full before it gives up. */
const createPatienceMs = 60_000
/** All memory of the sandbox is written down, or read, before the reply. */
const memoryHeadMs = 180_000

export interface SandboxMetrics {
  pid: number
  uptime_seconds: number
  host_cpu_percent: number
  host_rss_bytes: number
  host_vsz_bytes: number
  threads: number
}

export interface SandboxPort {
  port: number
  label: string
  listening: boolean
  source: 'user' | 'detected'
  proxy_url: string
}

export interface Sandboxes {
  create(input: SandboxCreate, options?: { signal?: AbortSignal }): Promise<Sandbox>
  list(): Promise<Sandbox[]>
  get(id: string): Promise<Sandbox>
  remove(id: string): Promise<void>
  pause(id: string): Promise<void>
  resume(id: string): Promise<void>
  /** To disk, memory and all; the next request to it wakes it. */
  hibernate(id: string): Promise<{ status: string }>
  wake(id: string): Promise<{ status: string }>
  /** To one of its checkpoints or snapshots, memory included; without a wish to the newest checkpoint. */
  rewind(id: string, to?: RewindRequest): Promise<Rewound>
  /** Files that differ from those of another sandbox or a snapshot, else of the template. */
  diff(id: string, from?: string, options?: { signal?: AbortSignal }): Promise<Diff>
  lifecycle(id: string): Promise<Lifecycle>
  setLifecycle(id: string, change: LifecycleChange): Promise<Lifecycle>
  metrics(id: string): Promise<SandboxMetrics>
  ports(id: string): Promise<SandboxPort[]>
}

/** Path of one sandbox; an id is text of a caller and must not reach beyond its segment. */
export const sandboxPath = (id: string): string => `/sandboxes/${encodeURIComponent(id)}`

const withMemory = <Reply>(connection: Connection, id: string, verb: string, json: unknown): Promise<Reply> =>
  connection.json<Reply>({ method: 'POST', path: `${sandboxPath(id)}/${verb}`, json, headMs: memoryHeadMs })

export const sandboxesOf = (connection: Connection): Sandboxes => ({
  create: (input, options = {}) =>
    connection.json<Sandbox>({
      method: 'POST',
      path: '/sandboxes',
      json: input,
      // With a key, waiting and asking again makes one sandbox and not two.
      headers: { 'idempotency-key': crypto.randomUUID() },
      patienceMs: createPatienceMs,
      headMs: 120_000,
      signal: options.signal,
    }),
  list: async () => {
    const answer = await connection.json<Sandbox[] | { items: Sandbox[] }>({ path: '/sandboxes' })
    return Array.isArray(answer) ? answer : answer.items
  },
  get: (id) => connection.json<Sandbox>({ path: sandboxPath(id) }),
  remove: (id) => connection.none({ method: 'DELETE', path: sandboxPath(id) }),
  pause: (id) => connection.none({ method: 'POST', path: `${sandboxPath(id)}/pause` }),
  resume: (id) => connection.none({ method: 'POST', path: `${sandboxPath(id)}/resume` }),
  hibernate: (id) => withMemory(connection, id, 'hibernate', {}),
  wake: (id) => withMemory(connection, id, 'wake', {}),
  rewind: (id, to = {}) => withMemory(connection, id, 'rewind', to),
  diff: (id, from, options = {}) =>
    connection.json<Diff>({
      path: `${sandboxPath(id)}/diff`,
      query: { from },
      headMs: memoryHeadMs,
      signal: options.signal,
    }),
  lifecycle: (id) => connection.json<Lifecycle>({ path: `${sandboxPath(id)}/lifecycle` }),
  setLifecycle: (id, change) =>
    connection.json<Lifecycle>({ method: 'PATCH', path: `${sandboxPath(id)}/lifecycle`, json: change }),
  metrics: (id) => connection.json<SandboxMetrics>({ path: `${sandboxPath(id)}/metrics` }),
  ports: (id) => connection.json<SandboxPort[]>({ path: `${sandboxPath(id)}/ports` }),
})
