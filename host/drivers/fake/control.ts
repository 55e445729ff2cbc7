// Processes of machines, by mark and by descent. Everything is asked of the kernel; nothing is remembered here.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnDetached } from '@pandastack/kit/process/detached.ts'
import { isAlive, runningProcesses, statOf, type ProcessStat } from '@pandastack/kit/process/identity.ts'
import { DriverError } from '@pandastack/driver/driver.ts'
import type { MachineHandle, Place, ProcessIdentity } from '@pandastack/driver/values.ts'
import type { FakeConfig } from './config.ts'
import { markOf, marker, shellCommand } from './launch.ts'

const pollMs = 1
const stopDeadlineMs = 10_000
const killDeadlineMs = 10_000

/** The mark a process was started with; null for processes of others. */
export const markOfProcess = (pid: number): string | null => {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    return variables.find((variable) => variable.startsWith(`${marker}=`))?.slice(marker.length + 1) ?? null
  } catch {
    return null
  }
}

/**
 * Marked processes and all that descend from them, as long as the line of parents is unbroken. Without a guest agent
 * there is but the one that the handle names, and no need to ask every process of the host.
 */
export const processesOf = (config: FakeConfig, machine: MachineHandle): ProcessStat[] => {
  if (config.guestPath === undefined) {
    const stat = isAlive(machine.process) ? statOf(machine.process.pid) : null
    return stat ? [stat] : []
  }
  const mark = markOf(config, machine.machineId)
  const running = runningProcesses()
  const members = new Set(running.filter(({ pid }) => markOfProcess(pid) === mark).map(({ pid }) => pid))
  if (isAlive(machine.process)) members.add(machine.process.pid)
  for (let before = -1; before !== members.size;) {
    before = members.size
    for (const { pid, parentPid } of running) if (members.has(parentPid)) members.add(pid)
  }
  return running.filter(({ pid }) => members.has(pid))
}

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended, which no signal here is against.
  }
}

export const signalAll = (config: FakeConfig, machine: MachineHandle, signal: NodeJS.Signals): void => {
  if (!isAlive(machine.process)) throw new DriverError('dead', 'the machine has no process any more')
  for (const { pid } of processesOf(config, machine)) send(pid, signal)
}

export const isStopped = ({ pid, startTime }: ProcessIdentity): boolean => {
  const stat = statOf(pid)
  return stat?.startTime === startTime && stat.state === 'T'
}

/** Starts the process that will be the machine; it stops itself once it is set up. */
export const startShell = async (config: FakeConfig, place: Place): Promise<ProcessIdentity> => {
  const { program, args, env } = shellCommand(config, place, process.getuid?.() === 0)
  const { pid, startTime } = await spawnDetached(program, args, { env })
  return { pid, startTime }
}

/** The kernel stops a process some time after it was told to. */
export const awaitStopped = async (
  who: ProcessIdentity,
  stopped: boolean,
  signal: AbortSignal,
): Promise<void> => {
  const deadlineMs = performance.now() + stopDeadlineMs
  while (isStopped(who) !== stopped) {
    if (!isAlive(who)) throw new DriverError('dead', 'the machine ended by itself')
    if (performance.now() > deadlineMs)
      throw new DriverError('deadline', 'the machine does not stop or go on')
    await sleep(pollMs, undefined, { signal })
  }
}

/** Until nothing is left: a process may start another one while we look. */
export const killAll = async (config: FakeConfig, machine: MachineHandle): Promise<void> => {
  const deadlineMs = performance.now() + killDeadlineMs
  for (;;) {
    const left = processesOf(config, machine)
    if (left.length === 0) return
    if (performance.now() > deadlineMs)
      throw new DriverError('failed', `processes that do not end: ${left.map(({ pid }) => pid).join(', ')}`)
    for (const { pid } of left) send(pid, 'SIGKILL')
    await sleep(pollMs)
  }
}
