// The tables as kysely sees them. A test compares this with a migrated database.

import type {
  ColumnType,
  Generated,
  JSONColumnType,
  Kysely,
  Selectable,
  Insertable,
  Updateable,
} from 'kysely'
import type { CheckpointPolicy, SandboxStatus } from '@pandastack/contracts/http/shapes.ts'

type Defaulted<T> = ColumnType<T, T | undefined, T>

export interface ProjectsTable {
  id: string
  name: string
  created_at: Generated<Date>
}

export interface TokensTable {
  prefix: string
  project_id: string
  /** SHA-256 of the whole key, hex. */
  hash: string
  label: string
  created_at: Generated<Date>
  expires_at: Date | null
  revoked_at: Generated<Date | null>
  last_used_at: Generated<Date | null>
}

export interface SandboxesTable {
  id: string
  project_id: string
  host: string
  machine_id: string
  template: string
  from_snapshot: Defaulted<string>
  cpu: number
  memory_mb: number
  disk_mb: number
  status: SandboxStatus
  desired: 'running' | 'paused' | 'hibernated' | 'gone'
  /** Raised with each change of what the host is asked for. */
  intent: number
  /** Of the newest host report that this row reflects. */
  generation: Defaulted<number>
  /** Raised with each change of the row, except for the coarse marks of use. */
  version: Defaulted<number>
  metadata: JSONColumnType<Record<string, string>>
  /** The guest's token, variables and secret metadata (core/sandboxes/secrets.ts). */
  sealed: string
  ttl_seconds: number
  persistent: boolean
  expires_at: Date | null
  last_used_at: Date
  idempotency_key: string | null
  guest_ip: Defaulted<string>
  boot_mode: Defaulted<string>
  boot_ms: Defaulted<number>
  tier: Defaulted<'' | 'hardware' | 'user-kernel' | 'emulated' | 'none'>
  driver: Defaulted<string>
  failure: Defaulted<string | null>
  failure_reason: Defaulted<string | null>
  created_at: Date
  /** When it ended for its owner; from then on it answers like an unknown one. */
  deleted_at: Defaulted<Date | null>
  /** The host has been told that the end is stored; nothing is left to do. */
  settled: Defaulted<boolean>
  /** The machine that takes the place of `machine_id` as soon as it runs: it is being woken or taken back. */
  coming_machine_id: Defaulted<string | null>
  /** The snapshot that it is, or is about to be, while it is hibernated. */
  hibernation: Defaulted<string | null>
  /** The last snapshot on its way to here. */
  lineage: Defaulted<string | null>
  operation_id: Defaulted<string | null>
  on_timeout: Defaulted<'delete' | 'hibernate'>
  hibernate_after_seconds: Defaulted<number | null>
  checkpoints: JSONColumnType<CheckpointPolicy | null, string | null | undefined, string | null>
}

export interface SnapshotsTable {
  id: string
  project_id: string
  host: string
  sandbox_id: string
  /** Of which machine it was taken. */
  machine_id: string
  /** The snapshot before it. */
  parent_id: string | null
  kind: 'snapshot' | 'checkpoint' | 'automatic' | 'hibernation'
  name: string
  status: Defaulted<'creating' | 'ready' | 'failed'>
  template: string
  cpu: number
  memory_mb: number
  disk_mb: number
  metadata: JSONColumnType<Record<string, string>>
  /** The guest's token at that moment, and the variables. */
  sealed: string
  digest: Defaulted<string>
  unique_bytes: Defaulted<number>
  shared_bytes: Defaulted<number>
  pause_ms: Defaulted<number>
  driver: Defaulted<string>
  tier: Defaulted<string>
  failure: Defaulted<string | null>
  created_at: Date
  deleted_at: Defaulted<Date | null>
  /** Its host has let go of it. */
  settled: Defaulted<boolean>
}

export interface OperationsTable {
  id: string
  project_id: string
  kind: 'fork' | 'attempts'
  sandbox_id: string
  created_at: Generated<Date>
  done_at: Defaulted<Date | null>
}

export interface SandboxPortsTable {
  sandbox_id: string
  port: number
  label: string
  public: boolean
}

export interface EventsTable {
  seq: Generated<number>
  sandbox_id: string
  project_id: string
  type: string
  payload: JSONColumnType<Record<string, unknown>>
  time: Generated<Date>
}

export interface IdempotencyTable {
  project_id: string
  key: string
  request_hash: string
  /** Null while the first request is still at work. */
  status: number | null
  response: JSONColumnType<Record<string, unknown>> | null
  /** What the first request makes. */
  resource_id: string | null
  created_at: Generated<Date>
}

export interface HostsTable {
  name: string
  host_id: string
  info: JSONColumnType<Record<string, unknown>>
  first_seen_at: Generated<Date>
  last_seen_at: Date
}

export interface Schema {
  projects: ProjectsTable
  tokens: TokensTable
  sandboxes: SandboxesTable
  snapshots: SnapshotsTable
  operations: OperationsTable
  sandbox_ports: SandboxPortsTable
  events: EventsTable
  idempotency: IdempotencyTable
  hosts: HostsTable
}

export type Db = Kysely<Schema>
export type SandboxRow = Selectable<SandboxesTable>
export type NewSandboxRow = Insertable<SandboxesTable>
export type SandboxChange = Omit<Updateable<SandboxesTable>, 'id' | 'project_id' | 'version' | 'created_at'>
export type SnapshotRow = Selectable<SnapshotsTable>
export type NewSnapshotRow = Insertable<SnapshotsTable>
export type SnapshotChange = Updateable<SnapshotsTable>
export type OperationRow = Selectable<OperationsTable>
export type EventRow = Selectable<EventsTable>
export type TokenRow = Selectable<TokensTable>
export type PortRow = Selectable<SandboxPortsTable>
