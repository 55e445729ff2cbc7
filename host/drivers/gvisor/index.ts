// The gVisor driver: sandboxes behind gVisor's user-space kernel (systrap), root file system from an EROFS image that the
// sandbox's kernel mounts itself, disk in a bounded overlay, one user namespace and uid range per machine.
// Owns runsc's state directory and what is in each place's directory. There is no state in this object but the version.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { identity } from '@pandastack/kit/process/identity.ts'
import { run } from '@pandastack/kit/process/run.ts'
import { endProcess } from '@pandastack/kit/process/end.ts'
import { DriverError, type Driver } from '@pandastack/driver/driver.ts'
import type { Image, Limits, MachineHandle, Place } from '@pandastack/driver/values.ts'
import type { GvisorConfig } from './config.ts'
import { command, runsc } from './control.ts'
import { createArgs, diskDir, logFile, ociSpec, pidFile, rootDir } from './launch.ts'
import { driverVersion, probe } from './probe.ts'
import { recover, strays } from './recover.ts'
import { capture, restore } from './snapshot.ts'
import { readStats } from './stats.ts'

/** Where every image keeps the guest agent; it is the first process. */
const firstProcess = ['/usr/lib/pandastack/guestd']

export function createGvisorDriver(config: GvisorConfig): Driver {
  let version: Promise<string> | undefined
  const ownVersion = () => (version ??= driverVersion(config))
  return {
    name: 'gvisor',
    capabilities: { freshClockAndEntropy: true, liveCapture: true, shellBoundToImage: true },
    probe: (signal) => probe(config, signal),
    prepare: (place, image, limits, signal) => prepare(config, place, image, limits, signal),
    boot: async (shell, signal) => void (await runsc(config, ['start', shell.machineId], { signal })),
    restore: async (shell, snapshot, signal) => restore(config, await ownVersion(), shell, snapshot, signal),
    capture: (machine, dir, options, signal) => capture(config, machine, dir, options, signal),
    pause: async (machine, signal) => void (await runsc(config, ['pause', machine.machineId], { signal })),
    resume: async (machine, signal) => void (await runsc(config, ['resume', machine.machineId], { signal })),
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
    const found = await identity(pid)
    if (!found) throw new DriverError('dead', 'the empty sandbox ended at once')
    return handle(found.pid, found.startTime)
  } catch (error) {
    await kill(config, handle(0, ''))
    throw error
  }
}

/** SIGKILL to the sandbox's process ends everything in it; runsc then removes its record. Both may be repeated. */
async function kill(config: GvisorConfig, machine: MachineHandle): Promise<void> {
  if (machine.process.pid > 0) await endProcess(machine.process, { graceMs: 0 })
  const signal = AbortSignal.timeout(config.commandDeadlineMs)
  try {
    await runsc(config, ['delete', '--force', machine.machineId], { signal })
  } catch (error) {
    if (!(error instanceof DriverError) || error.kind !== 'dead') throw error
    // A create that was cut short has no record that runsc would find, only parts of one.
    const id = machine.machineId
    const parts = [`${id}_sandbox:${id}.lock`, `runsc-${id}.sock`]
    for (const part of parts) await rm(path.join(config.stateDir, part), { force: true })
  }
}

/** runsc mounts an empty network namespace into its state directory for its gofers. */
async function release(config: GvisorConfig): Promise<void> {
  const mount = path.join(config.stateDir, 'null-netns')
  await run('umount', [mount], { deadlineMs: config.commandDeadlineMs })
  await rm(config.stateDir, { recursive: true, force: true })
}
