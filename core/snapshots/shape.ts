// A snapshot's row as callers see it.

import type { Snapshot } from '@pandastack/contracts/http/snapshots.ts'
import type { SnapshotRow } from '@pandastack/db/schema.ts'

export const toSnapshot = (row: SnapshotRow): Snapshot => ({
  id: row.id,
  sandbox_id: row.sandbox_id,
  kind: row.kind === 'hibernation' ? 'automatic' : row.kind,
  name: row.name,
  status: row.status,
  template: row.template,
  cpu: row.cpu,
  memory_mb: row.memory_mb,
  disk_mb: row.disk_mb,
  metadata: row.metadata,
  parent_id: row.parent_id,
  size_bytes: row.unique_bytes + row.shared_bytes,
  unique_bytes: row.unique_bytes,
  shared_bytes: row.shared_bytes,
  pause_ms: row.pause_ms,
  isolation: row.driver,
  tier: row.tier,
  digest: row.digest,
  failure: row.failure,
  created_at: row.created_at.toISOString(),
  workspace: '',
  mem_path: '',
  state_path: '',
})
