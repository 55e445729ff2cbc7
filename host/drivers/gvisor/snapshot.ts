// Capture and restore. A snapshot's directory holds what runsc wrote: state, page index, pages (memory and disk of one
// instant). Pages stay uncompressed so that they can be loaded in the background and shared through the page cache.

import { setTimeout as sleep } from 'node:timers/promises'
import type { MachineHandle, Snapshot } from '@pandastack/driver/values.ts'
import { DriverError, type Captured } from '@pandastack/driver/driver.ts'
import { ask } from './asking.ts'
import type { GvisorConfig } from './config.ts'
import { runsc } from './control.ts'
import { kill } from './kill.ts'
import { diskFlag } from './launch.ts'
import { pause, resume } from './pause.ts'
import { recover } from './recover.ts'
import type { Restorer } from './restorer.ts'

/** How long a restore may take to notice that its sandbox is gone. */
const settleMs = 5_000

/**
 * A machine that is not to run on stands still first and is ended last: runsc by itself would end it also when the
 * snapshot could not be written. Its pause is all of that; of one that runs on it is the checkpoint, and nothing where
 * it stood still anyway.
 */
export async function capture(
  config: GvisorConfig,
  machine: MachineHandle,
  dir: string,
  options: { leaveRunning: boolean },
  signal: AbortSignal,
): Promise<Captured> {
  if (options.leaveRunning) return await checkpoint(config, machine, dir, signal)
  const wasPaused = (await recover(config, machine)) === 'paused'
  const beganAtMs = performance.now()
  if (!wasPaused) await pause(config, machine, signal)
  try {
    await checkpoint(config, machine, dir, signal)
  } catch (error) {
    if (!wasPaused) await resume(config, machine, AbortSignal.timeout(config.commandDeadlineMs))
    throw error
  }
  await kill(config, machine)
  return { pauseMs: wasPaused ? 0 : performance.now() - beganAtMs }
}

/** Cut short, it goes on within the sandbox, which runs again when it is done; the next one waits for that. */
const checkpoint = async (
  config: GvisorConfig,
  machine: MachineHandle,
  dir: string,
  signal: AbortSignal,
): Promise<Captured> => {
  signal.throwIfAborted()
  const limits = { signal, deadlineMs: config.captureDeadlineMs }
  if (config.restorer) {
    const { pauseMs = 0 } = await ask(config.restorer, 'checkpoint', machine.machineId, { ...limits, dir })
      .answer
    return { pauseMs }
  }
  const wasPaused = (await recover(config, machine)) === 'paused'
  const beganAtMs = performance.now()
  const how = ['--compression=none', '--exclude-committed-zero-pages', '--leave-running']
  await runsc(config, ['checkpoint', '--image-path', dir, ...how, machine.machineId], limits)
  return { pauseMs: wasPaused ? 0 : performance.now() - beganAtMs }
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
  const limits = { signal, deadlineMs: config.restoreDeadlineMs, dir: snapshot.dir }
  const { whole, answer } = ask(restorer, 'restore', shell.machineId, limits)
  try {
    await answer
  } catch (error) {
    // The death of the sandbox ends its restore.
    await kill(config, shell)
    await Promise.race([whole.catch(() => undefined), sleep(settleMs)])
    throw error
  }
}
