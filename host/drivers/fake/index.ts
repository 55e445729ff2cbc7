// The fake driver: machines are plain processes of this host, isolated from nothing. For tests and simulation of the
// layers above; it needs no root. It keeps every promise of the contract that plain processes can keep, by real means:
// machines have identities, can be killed from outside, stopped, and found again. `script` says what shall go wrong.
// Owns the stand-in guests of its machines; disposing it closes them, as the death of an agent would: machines live on.

import { DriverError, type Capabilities, type Driver } from '@pandastack/driver/driver.ts'
import { writeChanges } from '@pandastack/driver/changed-files.ts'
import { readStats } from '@pandastack/driver/process-stats.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import { changesOfDisk, changesOfMemory } from './changes.ts'
import type { FakeConfig } from './config.ts'
import { awaitStopped, killAll, signalAll, startShell } from './control.ts'
import { emptyMemory, type Memory } from './guest.ts'
import { probe } from './probe.ts'
import { stateOf, strays } from './recover.ts'
import { createScript, type Script } from './script.ts'
import { captureDisk, checkFits, makeDisk, readMemory, restoreDisk, writeMemory } from './snapshot.ts'
import { createStandIns, type StandIns } from './stand-ins.ts'

export interface FakeDriver extends Driver, AsyncDisposable {
  readonly script: Script
}

export interface FakeOptions extends Partial<FakeConfig> {
  installation: string
  capabilities?: Partial<Capabilities>
}

export const createFakeDriver = (options: FakeOptions): FakeDriver => {
  const { installation, guestPath, script = createScript(), capabilities } = options
  const config: FakeConfig = { installation, guestPath, script }
  const standIns = createStandIns()
  const real = guestPath !== undefined
  const kill = async (machine: MachineHandle): Promise<void> => {
    await killAll(config, machine)
    await standIns.stop(machine)
  }
  return {
    name: 'fake',
    capabilities: {
      freshClockAndEntropy: true,
      liveCapture: true,
      shellBoundToImage: true,
      changedFiles: true,
      ...capabilities,
    },
    script,
    probe: async (signal) => {
      await script.enter('probe', signal)
      return await probe(config, signal)
    },
    prepare: async (place, image, limits, signal) => {
      await script.enter('prepare', signal)
      if (real) await makeDisk(place)
      const process = await startShell(config, place)
      const shell: MachineHandle = {
        machineId: place.machineId,
        driver: 'fake',
        process,
        place,
        image,
        limits,
      }
      return await orEnd(kill, shell, signal, async () => {
        await awaitStopped(process, true, signal)
        return shell
      })
    },
    boot: (shell, signal) =>
      orEnd(kill, shell, signal, async () => {
        const livesMs = await script.enter('boot', signal)
        await start(config, standIns, shell, emptyMemory(), signal)
        endLater(kill, shell, livesMs)
      }),
    restore: (shell, snapshot, signal) =>
      orEnd(kill, shell, signal, async () => {
        const livesMs = await script.enter('restore', signal)
        checkFits(snapshot, shell.image)
        const memory = await readMemory(snapshot.dir)
        if (real) await restoreDisk(shell, snapshot.dir)
        await start(config, standIns, shell, memory, signal)
        endLater(kill, shell, livesMs)
      }),
    capture: async (machine, dir, { leaveRunning }, signal) => {
      await script.enter('capture', signal)
      if (stateOf(machine) === 'dead') throw new DriverError('dead', 'there is no machine to capture')
      await writeMemory(dir, standIns.memoryOf(machine) ?? emptyMemory())
      if (real) await captureDisk(machine, dir)
      signal.throwIfAborted()
      if (!leaveRunning) await kill(machine)
      // It is read while it runs.
      return { pauseMs: 0 }
    },
    changes: async (machine, file, { entriesMax }, signal) => {
      await script.enter('changes', signal)
      if (stateOf(machine) === 'dead') throw new DriverError('dead', 'there is no machine to look at')
      const entries = real
        ? changesOfDisk(machine.place)
        : changesOfMemory(standIns.memoryOf(machine) ?? emptyMemory())
      await writeChanges(file, entries, { entriesMax, image: machine.image.digest })
      signal.throwIfAborted()
    },
    pause: async (machine, signal) => {
      await script.enter('pause', signal)
      signalAll(config, machine, 'SIGSTOP')
      await awaitStopped(machine.process, true, signal)
    },
    resume: async (machine, signal) => {
      await script.enter('resume', signal)
      signalAll(config, machine, 'SIGCONT')
      await awaitStopped(machine.process, false, signal)
    },
    kill: async (machine) => {
      await script.enter('kill')
      await kill(machine)
    },
    stats: (machine) => readStats(machine.process),
    recover: async (machine) => {
      const state = stateOf(machine)
      if (state !== 'dead' && !real) await standIns.takeOver(machine)
      return state
    },
    strays: async (known) => strays(config, known),
    release: async () => undefined,
    [Symbol.asyncDispose]: async () => standIns[Symbol.dispose](),
  }
}

type Kill = (machine: MachineHandle) => Promise<void>

/** Runs a step that makes something; if it fails or is aborted, nothing of the machine stays. */
const orEnd = async <T>(
  kill: Kill,
  machine: MachineHandle,
  signal: AbortSignal,
  step: () => Promise<T>,
): Promise<T> => {
  try {
    const result = await step()
    signal.throwIfAborted()
    return result
  } catch (error) {
    await kill(machine)
    throw error
  }
}

const start = async (
  config: FakeConfig,
  standIns: StandIns,
  shell: MachineHandle,
  memory: Memory,
  signal: AbortSignal,
): Promise<void> => {
  if (standIns.has(shell)) throw new DriverError('failed', 'the machine has a guest already')
  signalAll(config, shell, 'SIGCONT')
  await awaitStopped(shell.process, false, signal)
  if (config.guestPath === undefined) await standIns.start(shell, memory)
}

const endLater = (kill: Kill, machine: MachineHandle, livesMs: number | undefined): void => {
  if (livesMs !== undefined) setTimeout(() => void kill(machine), livesMs).unref()
}
