// Capture and restore. A snapshot's directory holds what runsc wrote: state, page index, pages (memory and disk of one
// instant). Pages stay uncompressed so that they can be loaded in the background and shared through the page cache.

import { setTimeout as sleep } from 'node:timers/promises'
import type { MachineHandle, Snapshot } from '@pandastack/driver/values.ts'
import { DriverError } from '@pandastack/driver/driver.ts'
import type { GvisorConfig } from './config.ts'
import { failureOf, runsc } from './control.ts'
import { kill } from './kill.ts'
import { diskFlag } from './launch.ts'
import { pause, resume } from './pause.ts'
import { recover } from './recover.ts'
import type { Restorer } from './restorer.ts'

/** How long a restore may take to notice that its sandbox is gone. */
const settleMs = 5_000

/**
 * A machine that is not to run on stands still first and is ended last: runsc by itself would end it also when the
 * snapshot could not be written.
 */
export async function capture(
  config: GvisorConfig,
  machine: MachineHandle,
  dir: string,
  options: { leaveRunning: boolean },
  signal: AbortSignal,
): Promise<void> {
  if (options.leaveRunning) return await checkpoint(config, machine, dir, signal)
  const wasPaused = (await recover(config, machine)) === 'paused'
  if (!wasPaused) await pause(config, machine, signal)
  try {
    await checkpoint(config, machine, dir, signal)
  } catch (error) {
    if (!wasPaused) await resume(config, machine, AbortSignal.timeout(config.commandDeadlineMs))
    throw error
  }
  await kill(config, machine)
}

/** Cut short, it goes on within the sandbox, which runs again when it is done; the next one waits for that. */
const checkpoint = async (
  config: GvisorConfig,
  machine: MachineHandle,
  dir: string,
  signal: AbortSignal,
): Promise<void> => {
  const how = ['--compression=none', '--exclude-committed-zero-pages', '--leave-running']
  await runsc(config, ['checkpoint', '--image-path', dir, ...how, machine.machineId], {
    signal,
    deadlineMs: config.captureDeadlineMs,
  })
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
  signal.throwIfAborted()
  const under = AbortSignal.any([signal, AbortSignal.timeout(config.restoreDeadlineMs)])
  try {
    if (config.restorer) await restoreBy(config.restorer, config, shell, snapshot, under)
    else await restoreAlone(config, shell, snapshot, under)
  } catch (error) {
    // Cut short, it may still come to its end; failed, the shell holds parts of a guest.
    await kill(config, shell)
    signal.throwIfAborted()
    if (under.aborted) throw new DriverError('deadline', 'runsc restore did not finish in time')
    throw error
  }
}

const restoreAlone = async (
  config: GvisorConfig,
  shell: MachineHandle,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<void> => {
  const how = ['--bundle', shell.place.dir, '--image-path', snapshot.dir, '--detach', '--background']
  await runsc(config, [diskFlag(shell.place), 'restore', ...how, shell.machineId], {
    signal,
    deadlineMs: config.restoreDeadlineMs,
  })
}

/** Told to give up, the restorer would go on and write its record after the machine is gone; so it is waited for. */
const restoreBy = async (
  restorer: Restorer,
  config: GvisorConfig,
  shell: MachineHandle,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<void> => {
  const restoring = restorer.restore(shell.machineId, snapshot.dir)
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([restoring, aborted.promise])
  } catch (error) {
    // The death of the sandbox ends its restore.
    await kill(config, shell)
    await Promise.race([restoring.catch(() => undefined), sleep(settleMs)])
    throw signal.aborted
      ? error
      : failureOf('restore', error instanceof Error ? error.message : String(error))
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
