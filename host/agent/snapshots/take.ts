// A snapshot as it is asked for over the wire: of a machine, or of another snapshot.

import type { SnapshotReport, SnapshotSpec } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import type { Machines } from '../machines/machines.ts'
import { SnapshotMissing } from './errors.ts'
import type { Snapshots } from './snapshots.ts'

/** Throws `SnapshotMissing` when there is nothing to take it of. */
export const takeSnapshot = async (
  machines: Machines,
  snapshots: Snapshots,
  spec: SnapshotSpec,
): Promise<SnapshotReport> => {
  const { snapshotId, from, durable } = spec
  const known = snapshots.get(snapshotId)
  if (known?.state === 'ready') return known
  if (from.kind === 'snapshot') return snapshots.copy(snapshotId, from.snapshotId)
  const machine = machines.get(from.machineId)
  if (!machine) throw new SnapshotMissing(`there is no machine ${from.machineId}`)
  return machine.capture(snapshotId, durable)
}
