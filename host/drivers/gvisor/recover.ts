// Finds machines again after the agent was restarted, and processes that belong to none. Asks the kernel: runsc's own
// records say "running" for a sandbox that was killed and not yet reaped.

import { isAlive } from '@pandastack/kit/process/identity.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import { ask } from './asking.ts'
import type { GvisorConfig } from './config.ts'
import { runsc } from './control.ts'
import { allProcesses } from './processes.ts'

export async function recover(
  config: GvisorConfig,
  machine: MachineHandle,
): Promise<'running' | 'paused' | 'dead'> {
  if (!isAlive(machine.process)) return 'dead'
  try {
    return (await recordedStatus(config, machine)) === 'paused' ? 'paused' : 'running'
  } catch {
    return isAlive(machine.process) ? 'running' : 'dead'
  }
}

const recordedStatus = async (
  config: GvisorConfig,
  { machineId }: MachineHandle,
): Promise<string | undefined> => {
  const deadlineMs = config.commandDeadlineMs
  const limits = { signal: AbortSignal.timeout(deadlineMs), deadlineMs }
  if (config.restorer) return (await ask(config.restorer, 'state', machineId, limits).answer).status
  return /"status":\s*"(\w+)"/.exec(await runsc(config, ['state', machineId], limits))?.[1]
}

/** Parts of sandboxes, and creates under way, that no known machine accounts for. */
export async function strays(
  config: GvisorConfig,
  known: readonly MachineHandle[],
): Promise<{ pid: number; detail: string }[]> {
  const ids = new Set(known.map((machine) => machine.machineId))
  return (await allProcesses(config))
    .filter(({ machineId }) => !ids.has(machineId))
    .map(({ pid, verb, machineId }) => ({ pid, detail: `runsc ${verb} of ${machineId}` }))
}
