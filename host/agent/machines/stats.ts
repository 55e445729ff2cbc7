// A machine's resources in the shape of the host wire.

import type { MachineStats } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { Machine } from './machine.ts'

/** Null when there is no such machine or it has no process. CPU is the average since its start, in percent of one processor. */
export async function machineStatsOf(machine: Machine | undefined): Promise<MachineStats | null> {
  const stats = await machine?.stats()
  if (!stats) return null
  const { cpuSeconds, uptimeSeconds } = stats
  const cpuPercent = uptimeSeconds > 0 ? Math.round((cpuSeconds / uptimeSeconds) * 10_000) / 100 : 0
  return { ...stats, cpuPercent }
}
