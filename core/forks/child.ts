// What a child of a fork is: its parent's template, sizes, variables and memory, with a life of its own.

import type { Plan } from '../sandboxes/plan.ts'
import type { Live } from '../sandboxes/registry.ts'
import type { Source } from '../sandboxes/secrets.ts'

export interface ChildWish {
  source: Source
  operationId: string
  /** Of the caller; ours stand above it. */
  metadata: Record<string, string>
  role: string
  index: number
  env: Record<string, string>
  ttlSeconds?: number
  persistent?: boolean
}

export const planChild = (parent: Live, wish: ChildWish): Plan => {
  const { row, secrets } = parent
  return {
    template: row.template,
    source: wish.source,
    host: row.host,
    fromSnapshot: wish.source.snapshotId,
    lineage: row.lineage,
    operationId: wish.operationId,
    onTimeout: 'delete',
    hibernateAfterSeconds: null,
    checkpoints: null,
    resources: { cpu: row.cpu, memoryMb: row.memory_mb, diskMb: row.disk_mb },
    metadata: {
      ...wish.metadata,
      fork_parent_id: row.id,
      fork_tree_id: wish.operationId,
      fork_tree_role: wish.role,
      fork_index: String(wish.index),
    },
    env: { ...secrets.env, ...wish.env },
    ttlSeconds: wish.ttlSeconds ?? exploreTtl(wish.metadata) ?? row.ttl_seconds,
    persistent: wish.persistent ?? false,
  }
}

/** How the published `explore()` says after how long branches are to go that its process has forgotten. */
const exploreTtl = ({ explore_ttl: text = '' }: Record<string, string>): number | null =>
  /^[1-9]\d{0,7}$/.test(text) ? Number(text) : null
