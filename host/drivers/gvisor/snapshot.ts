// Capture and restore. A snapshot's directory holds what runsc wrote: state, page index, pages (memory and disk of one
// instant). Pages stay uncompressed so that they can be loaded in the background and shared through the page cache.

import type { MachineHandle, Snapshot } from '@pandastack/driver/values.ts'
import { DriverError } from '@pandastack/driver/driver.ts'
import type { GvisorConfig } from './config.ts'
import { runsc } from './control.ts'
import { diskFlag } from './launch.ts'

export async function capture(
  config: GvisorConfig,
  machine: MachineHandle,
  dir: string,
  options: { leaveRunning: boolean },
  signal: AbortSignal,
): Promise<void> {
  const args = ['checkpoint', '--image-path', dir, '--compression=none', '--exclude-committed-zero-pages']
  if (options.leaveRunning) args.push('--leave-running')
  await runsc(config, [...args, machine.machineId], { signal, deadlineMs: config.captureDeadlineMs })
}

export async function restore(
  config: GvisorConfig,
  version: string,
  shell: MachineHandle,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<void> {
  if (snapshot.driverVersion !== version)
    throw new DriverError(
      'incompatible_snapshot',
      `the snapshot was taken by ${snapshot.driverVersion}, this is ${version}`,
    )
  if (snapshot.image.digest !== shell.image.digest)
    throw new DriverError('incompatible_snapshot', 'the shell was prepared for another image')
  await runsc(
    config,
    [
      diskFlag(shell.place),
      'restore',
      '--bundle',
      shell.place.dir,
      '--image-path',
      snapshot.dir,
      '--detach',
      '--background',
      shell.machineId,
    ],
    { signal, deadlineMs: config.restoreDeadlineMs },
  )
}
