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
import type { SandboxStatus } from '@pandastack/contracts/http/shapes.ts'

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
  desired: 'running' | 'paused' | 'gone'
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
  sandbox_ports: SandboxPortsTable
  events: EventsTable
  idempotency: IdempotencyTable
  hosts: HostsTable
}

export type Db = Kysely<Schema>
export type SandboxRow = Selectable<SandboxesTable>
export type NewSandboxRow = Insertable<SandboxesTable>
export type SandboxChange = Omit<Updateable<SandboxesTable>, 'id' | 'project_id' | 'version' | 'created_at'>
export type EventRow = Selectable<EventsTable>
export type TokenRow = Selectable<TokensTable>
export type PortRow = Selectable<SandboxPortsTable>
