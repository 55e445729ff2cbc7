// Snapshots; what a sandbox needs to be hibernated, woken, forked and taken back; operations that make many sandboxes.

import { sql } from 'kysely'
import type { Kysely } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // Outlives the sandbox it was taken of, so it refers to none.
  `create table snapshots (
    id uuid primary key,
    project_id uuid not null references projects (id),
    host text not null,
    sandbox_id uuid not null,
    machine_id uuid not null,
    parent_id uuid,
    kind text not null check (kind in ('snapshot', 'checkpoint', 'automatic', 'hibernation')),
    name text not null,
    status text not null default 'creating' check (status in ('creating', 'ready', 'failed')),
    template text not null,
    cpu integer not null,
    memory_mb integer not null,
    disk_mb integer not null,
    metadata jsonb not null,
    sealed text not null,
    digest text not null default '',
    unique_bytes bigint not null default 0,
    shared_bytes bigint not null default 0,
    pause_ms double precision not null default 0,
    driver text not null default '',
    tier text not null default '',
    failure text,
    created_at timestamptz not null,
    deleted_at timestamptz,
    settled boolean not null default false,
    check (not settled or deleted_at is not null)
  )`,
  `create index snapshots_of_project on snapshots (project_id, created_at desc) where deleted_at is null`,
  `create index snapshots_of_sandbox on snapshots (sandbox_id, created_at desc) where deleted_at is null`,
  `create index snapshots_live on snapshots (id) where not settled`,
  `create table operations (
    id uuid primary key,
    project_id uuid not null references projects (id) on delete cascade,
    kind text not null check (kind in ('fork', 'attempts')),
    sandbox_id uuid not null,
    created_at timestamptz not null default now(),
    done_at timestamptz
  )`,
  `create index operations_open on operations (id) where done_at is null`,
  `alter table sandboxes
    add column coming_machine_id uuid unique,
    add column hibernation uuid,
    add column lineage uuid,
    add column operation_id uuid,
    add column on_timeout text not null default 'delete' check (on_timeout in ('delete', 'hibernate')),
    add column hibernate_after_seconds integer check (hibernate_after_seconds > 0),
    add column checkpoints jsonb`,
  `alter table sandboxes drop constraint sandboxes_desired_check`,
  `alter table sandboxes add constraint sandboxes_desired_check
    check (desired in ('running', 'paused', 'hibernated', 'gone'))`,
  `create index sandboxes_of_operation on sandboxes (operation_id) where operation_id is not null`,
]
