// A row as callers see it.

import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import { expiresAtWallMs } from './use.ts'
import type { Clock } from '@pandastack/kit/clock/clock.ts'
import type { SandboxRow } from '@pandastack/db/schema.ts'
import type { Live } from './registry.ts'

export const toSandbox = (live: Live, clock: Clock): Sandbox => {
  const { row } = live
  if (live.shown?.version !== row.version) live.shown = { version: row.version, sandbox: shape(row) }
  const expiresMs = expiresAtWallMs(live, clock)
  return { ...live.shown.sandbox, expires_at: expiresMs === null ? null : new Date(expiresMs).toISOString() }
}

const shape = (row: SandboxRow): Sandbox => ({
  id: row.id,
  template: row.template,
  cpu: row.cpu,
  memory_mb: row.memory_mb,
  disk_mb: row.disk_mb,
  status: row.status,
  guest_ip: row.guest_ip,
  host_tap: '',
  mac: '',
  vsock_cid: 0,
  metadata: row.metadata,
  from_snapshot: row.from_snapshot,
  boot_ms: row.boot_ms,
  boot_mode: row.boot_mode,
  tier: row.tier,
  isolation: row.driver,
  persistent: row.persistent,
  ttl_seconds: row.ttl_seconds,
  expires_at: null,
  on_timeout: row.on_timeout,
  failure: row.failure,
  created_at: row.created_at.toISOString(),
})
