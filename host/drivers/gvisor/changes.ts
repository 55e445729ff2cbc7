// Which files of the root disk differ from the image: by the restorer, in a process of its own each time
// (runsc/cmd/restorer/changes.go), because it reads what a guest made. There is no command of runsc's for it.

import { isAlive } from '@pandastack/kit/process/identity.ts'
import { DriverError } from '@pandastack/driver/driver.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import type { GvisorConfig } from './config.ts'
import { command } from './control.ts'

export async function changes(
  config: GvisorConfig,
  machine: MachineHandle,
  file: string,
  { entriesMax }: { entriesMax: number },
  signal: AbortSignal,
): Promise<void> {
  if (!config.restorer) throw new DriverError('unusable', 'changed files are told by the restorer only')
  const [program, ...flags] = config.restorer.command
  const { erofsPath, digest } = machine.image
  const wanted = [machine.machineId, erofsPath, digest, String(entriesMax), file]
  const limits = { signal, deadlineMs: config.captureDeadlineMs }
  try {
    await command(program, [...flags, 'changes', ...wanted], 'changes', limits, config)
  } catch (error) {
    if (!signal.aborted && !isAlive(machine.process))
      throw new DriverError('dead', 'the machine ended while its files were looked at', error)
    throw error
  }
}
