// Snapshots and checkpoints as a table. Pure.

import type { Snapshot } from '@pandastack/client/client.ts'
import { durationText, sizeText } from './duration.ts'
import { table } from './table.ts'

const head = ['ID', 'NAME', 'KIND', 'STATUS', 'TEMPLATE', 'ITS OWN', 'SHARED', 'AGE', 'SANDBOX']

export const snapshotTable = (snapshots: readonly Snapshot[], nowMs: number): string =>
  table(
    head,
    snapshots.map((one) => [
      one.id,
      one.name,
      one.kind,
      one.status,
      one.template,
      sizeText(one.unique_bytes),
      sizeText(one.shared_bytes),
      durationText(nowMs - Date.parse(one.created_at)),
      one.sandbox_id,
    ]),
  )
