// Projects, keys, sandboxes, declared ports, events, idempotency keys, hosts.

import { sql } from 'kysely'
import type { Kysely } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table projects (
    id uuid primary key,
    name text not null unique,
    created_at timestamptz not null default now()
  )`,
  `create table tokens (
    prefix text primary key,
    project_id uuid not null references projects (id) on delete cascade,
    hash text not null unique,
    label text not null,
    scopes text[] not null default '{all}',
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
  )`,
  `create index tokens_of_project on tokens (project_id, created_at)`,
  `create table sandboxes (
    id uuid primary key,
    project_id uuid not null references projects (id),
    host text not null,
    machine_id uuid not null unique,
    template text not null,
    from_snapshot text not null default '',
    cpu integer not null,
    memory_mb integer not null,
    disk_mb integer not null,
    status text not null
      check (status in ('creating', 'running', 'paused', 'stopping', 'deleted', 'failed', 'hibernated')),
    desired text not null check (desired in ('running', 'paused', 'gone')),
    intent integer not null,
    generation integer not null default 0,
    version integer not null default 1,
    guest_token text not null,
    metadata jsonb not null,
    env jsonb not null,
    ttl_seconds integer not null check (ttl_seconds > 0),
    persistent boolean not null,
    expires_at timestamptz,
    last_used_at timestamptz not null,
    idempotency_key text,
    guest_ip text not null default '',
    boot_mode text not null default '',
    boot_ms integer not null default 0,
    tier text not null default '',
    driver text not null default '',
    failure text,
    failure_reason text,
    created_at timestamptz not null,
    deleted_at timestamptz,
    settled boolean not null default false,
    check (deleted_at is not null or status not in ('deleted', 'stopping')),
    check (not settled or status in ('deleted', 'failed'))
  )`,
  `create index sandboxes_of_project on sandboxes (project_id, created_at desc) where deleted_at is null`,
  `create index sandboxes_live on sandboxes (id) where deleted_at is null or not settled`,
  `create index sandboxes_deleted on sandboxes (deleted_at) where deleted_at is not null`,
  `create table sandbox_ports (
    sandbox_id uuid not null references sandboxes (id) on delete cascade,
    port integer not null check (port between 1 and 65535),
    label text not null,
    public boolean not null,
    primary key (sandbox_id, port)
  )`,
  `create table events (
    seq bigserial primary key,
    sandbox_id uuid not null references sandboxes (id) on delete cascade,
    project_id uuid not null,
    type text not null,
    payload jsonb not null,
    time timestamptz not null default clock_timestamp()
  )`,
  `create index events_of_sandbox on events (sandbox_id, seq)`,
  `create table idempotency (
    project_id uuid not null references projects (id) on delete cascade,
    key text not null,
    request_hash text not null,
    status integer,
    response jsonb,
    resource_id uuid,
    created_at timestamptz not null default now(),
    primary key (project_id, key)
  )`,
  `create index idempotency_age on idempotency (created_at)`,
  `create table hosts (
    name text primary key,
    host_id text not null,
    info jsonb not null,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null
  )`,
  // The coarse marks of use leave `version` alone, and so wake nobody.
  `create function tell_sandbox() returns trigger language plpgsql as $$
    begin
      perform pg_notify('sandboxes', new.id::text || ' ' || new.version::text);
      return null;
    end
  $$`,
  `create trigger sandbox_changed after insert or update of version on sandboxes
    for each row execute function tell_sandbox()`,
  `create function tell_event() returns trigger language plpgsql as $$
    begin
      perform pg_notify('events', new.sandbox_id::text || ' ' || new.seq::text);
      return null;
    end
  $$`,
  `create trigger event_written after insert on events
    for each row execute function tell_event()`,
]
