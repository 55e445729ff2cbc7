// Ends processes that were started detached, perhaps by an earlier life of ours: a polite signal, time to act on it,
// a forced one. Never touches a process that merely has the same id: identity is checked before each signal.

import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, runningProcesses, statOf, type ProcessIdentity } from './identity.ts'

export interface EndOptions {
  /** Between the polite signal and the forced one; 0: forced at once. Default 2000. */
  graceMs?: number
  /** How long to wait after the forced signal. Default 5000. */
  forcedMs?: number
  politeSignal?: NodeJS.Signals
}

/** `stuck`: even the forced signal did not end it in time; it hangs in the kernel. */
export type EndOutcome = 'absent' | 'polite' | 'forced' | 'stuck'

const firstPollMs = 2
const slowestPollMs = 50

/** True once `gone` holds, false after `timeoutMs`. */
const waitUntil = async (gone: () => boolean, timeoutMs: number): Promise<boolean> => {
  const deadline = performance.now() + timeoutMs
  for (let pollMs = firstPollMs; !gone(); pollMs = Math.min(pollMs * 2, slowestPollMs)) {
    if (performance.now() >= deadline) return false
    await sleep(pollMs)
  }
  return true
}

const send = (target: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(target, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const end = async (target: number, gone: () => boolean, options: EndOptions): Promise<EndOutcome> => {
  const { graceMs = 2000, forcedMs = 5000, politeSignal = 'SIGTERM' } = options
  if (gone()) return 'absent'
  if (graceMs > 0) {
    send(target, politeSignal)
    if (await waitUntil(gone, graceMs)) return 'polite'
  }
  if (!gone()) send(target, 'SIGKILL')
  return (await waitUntil(gone, forcedMs)) ? 'forced' : 'stuck'
}

/** Ends one process and leaves its children alone. */
export const endProcess = (who: ProcessIdentity, options: EndOptions = {}): Promise<EndOutcome> =>
  end(who.pid, () => !isAlive(who), options)

/**
 * Processes of the group that `leader` was started detached with, whether it still runs or not. As long as one of them
 * exists the kernel does not give the leader's id to anybody else, so a different process there means: all are gone.
 */
const members = (leader: ProcessIdentity): number[] => {
  const holder = statOf(leader.pid)
  if (holder !== null && holder.startTime !== leader.startTime) return []
  return runningProcesses()
    .filter(({ groupId, sessionId }) => groupId === leader.pid && sessionId === leader.pid)
    .map(({ pid }) => pid)
}

/** Ends a process started detached together with every process of its group. */
export const endGroup = (leader: ProcessIdentity, options: EndOptions = {}): Promise<EndOutcome> =>
  end(-leader.pid, () => members(leader).length === 0, options)
