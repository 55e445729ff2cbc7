// Pause and resume. Once begun they are not given up: runsc keeps count of what it asked the sandbox for, and a command
// that is ended in between leaves a sandbox that stands still and a record that says it runs, which nothing resumes.

import type { MachineHandle } from '@pandastack/driver/values.ts'
import { ask } from './asking.ts'
import type { GvisorConfig } from './config.ts'
import { runsc } from './control.ts'

const whole = async (
  config: GvisorConfig,
  verb: 'pause' | 'resume',
  { machineId }: MachineHandle,
  signal: AbortSignal,
): Promise<void> => {
  signal.throwIfAborted()
  const never = new AbortController().signal
  const limits = { signal: never, deadlineMs: config.commandDeadlineMs }
  if (config.restorer) await ask(config.restorer, verb, machineId, limits).answer
  else await runsc(config, [verb, machineId], limits)
}

export const pause = (config: GvisorConfig, machine: MachineHandle, signal: AbortSignal): Promise<void> =>
  whole(config, 'pause', machine, signal)

export const resume = (config: GvisorConfig, machine: MachineHandle, signal: AbortSignal): Promise<void> =>
  whole(config, 'resume', machine, signal)
