// The gVisor driver: sandboxes behind gVisor's user-space kernel (systrap), root file system from an EROFS image that the
// sandbox's kernel mounts itself, disk in a bounded overlay, one user namespace and uid range per machine.
// Owns runsc's state directory and what is in each place's directory. There is no state in this object but the version.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { identity } from '@pandastack/kit/process/identity.ts'
import { run } from '@pandastack/kit/process/run.ts'
import { DriverError, type Driver } from '@pandastack/driver/driver.ts'
import { readStats } from '@pandastack/driver/process-stats.ts'
import type { Image, Limits, MachineHandle, Place } from '@pandastack/driver/values.ts'
import { changes } from './changes.ts'
import type { GvisorConfig } from './config.ts'
import { command, runsc } from './control.ts'
import { createArgs, diskDir, logFile, ociSpec, pidFile, rootDir } from './launch.ts'
import { driverVersion, probe } from './probe.ts'
import { kill } from './kill.ts'
import { pause, resume } from './pause.ts'
import { recover, strays } from './recover.ts'
import { capture, restore } from './snapshot.ts'

/** Where every image keeps the guest agent; it is the first process. */
const firstProcess = ['/usr/lib/pandastack/guestd']

export function createGvisorDriver(config: GvisorConfig): Driver {
  let version: Promise<string> | undefined
  const ownVersion = () => (version ??= driverVersion(config))
  return {
    name: 'gvisor',
    capabilities: {
      freshClockAndEntropy: true,
      liveCapture: true,
      shellBoundToImage: true,
      changedFiles: config.restorer !== undefined,
    },
    probe: (signal) => probe(config, signal),
    prepare: (place, image, limits, signal) => prepare(config, place, image, limits, signal),
    boot: (shell, signal) => boot(config, shell, signal),
    restore: async (shell, snapshot, signal) => restore(config, await ownVersion(), shell, snapshot, signal),
    capture: (machine, dir, options, signal) => capture(config, machine, dir, options, signal),
    changes: (machine, file, options, signal) => changes(config, machine, file, options, signal),
    pause: (machine, signal) => pause(config, machine, signal),
    resume: (machine, signal) => resume(config, machine, signal),
    kill: (machine) => kill(config, machine),
    stats: (machine) => readStats(machine.process),
    recover: (machine) => recover(config, machine),
    strays: (known) => strays(config, known),
    release: () => release(config),
  }
}

async function prepare(
  config: GvisorConfig,
  place: Place,
  image: Image,
  limits: Limits,
  signal: AbortSignal,
): Promise<MachineHandle> {
  await mkdir(rootDir(place))
  await mkdir(diskDir(place))
  const spec = ociSpec(place, image, limits, firstProcess)
  await writeFile(path.join(place.dir, 'config.json'), JSON.stringify(spec), { mode: 0o600 })
  const handle = (pid: number, startTime: string): MachineHandle => ({
    machineId: place.machineId,
    driver: 'gvisor',
    process: { pid, startTime },
    place,
    image,
    limits,
  })
  try {
    await command(
      config.launcherPath,
      createArgs(config, place),
      'create',
      { signal, logPath: logFile(place) },
      config,
    )
    const pid = Number(await readFile(pidFile(place), 'utf8'))
    const found = identity(pid)
    if (!found) throw new DriverError('dead', 'the empty sandbox ended at once')
    return handle(found.pid, found.startTime)
  } catch (error) {
    await kill(config, handle(0, ''))
    throw error
  }
}

/** A start that was cut short may still come to its end, so the shell is good for nothing any more. */
async function boot(config: GvisorConfig, shell: MachineHandle, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  try {
    await runsc(config, ['start', shell.machineId], { signal })
  } catch (error) {
    await kill(config, shell)
    throw error
  }
}

/** runsc mounts an empty network namespace into its state directory for its gofers. */
async function release(config: GvisorConfig): Promise<void> {
  const mount = path.join(config.stateDir, 'null-netns')
  await run('umount', [mount], { deadlineMs: config.commandDeadlineMs })
  await rm(config.stateDir, { recursive: true, force: true })
}
