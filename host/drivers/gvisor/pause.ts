// Pause and resume. Once begun they are not given up: runsc keeps count of what it asked the sandbox for, and a command
// that is ended in between leaves a sandbox that stands still and a record that says it runs, which nothing resumes.

import type { MachineHandle } from '@pandastack/driver/values.ts'
import type { GvisorConfig } from './config.ts'
import { runsc } from './control.ts'

const whole = async (
  config: GvisorConfig,
  verb: 'pause' | 'resume',
  machine: MachineHandle,
  signal: AbortSignal,
): Promise<void> => {
  signal.throwIfAborted()
  await runsc(config, [verb, machine.machineId], { signal: AbortSignal.timeout(config.commandDeadlineMs) })
}

export const pause = (config: GvisorConfig, machine: MachineHandle, signal: AbortSignal): Promise<void> =>
  whole(config, 'pause', machine, signal)

export const resume = (config: GvisorConfig, machine: MachineHandle, signal: AbortSignal): Promise<void> =>
  whole(config, 'resume', machine, signal)
