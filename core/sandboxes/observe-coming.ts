// What a report of the machine that is to take a sandbox over makes of its row: pure. As soon as that machine runs it is
// the sandbox's own; when it does not come to run, the sandbox is what it was before.

import type { MachineReport } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { SandboxRow } from '@pandastack/db/schema.ts'
import type { Decision } from './change.ts'
import { factsOf, failureOf } from './report.ts'

export const decideComing = (row: SandboxRow, report: MachineReport): Decision | null => {
  if (report.state === 'running' || report.state === 'paused') return takenOver(row, report)
  if (report.state === 'failed' || report.state === 'gone' || report.state === 'saved')
    return droppedComing(row, failureOf(report))
  return null
}

const takenOver = (row: SandboxRow, report: MachineReport): Decision => ({
  change: {
    machine_id: report.machineId,
    coming_machine_id: null,
    generation: report.generation,
    status: report.state === 'paused' ? 'paused' : 'running',
    desired: 'running',
    hibernation: null,
    failure: null,
    ...factsOf(report),
  },
  events: [
    {
      type: row.status === 'hibernated' ? 'sandbox.woken' : 'sandbox.rewound',
      payload: { boot_ms: report.bootMs, from: row.lineage },
    },
  ],
})

/** Null when nothing was coming. */
export const droppedComing = (row: SandboxRow, why: string): Decision | null => {
  if (row.coming_machine_id === null) return null
  const sleeps = row.status === 'hibernated'
  return {
    change: { coming_machine_id: null, ...(sleeps && { desired: 'hibernated', failure: why }) },
    events: [{ type: sleeps ? 'sandbox.wake_failed' : 'sandbox.rewind_failed', payload: { message: why } }],
  }
}
