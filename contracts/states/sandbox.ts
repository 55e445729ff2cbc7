// The states of a sandbox and what moves it between them: pure, one table, used by every verb.
//
//                 machineRunning            pause, machinePaused
//   creating ------------------> running <-----------------------> paused      hibernate, wake: hibernated
//      |                            |        resume, machineRunning   |
//      | machineFailed/-Gone        | machineFailed, -Gone            |
//      +-------------------------> failed <--------------------------+
//   hibernate: running, paused -- machineSaved --> hibernated; wake: hibernated -- machineRunning (of a new machine) --> running
//   remove, expire: creating, running, paused -> stopping -- machineGone, machineFailed --> deleted (for good)
//                   failed (its machine is over) -> deleted
//
// `pause`, `resume`, `hibernate`, `wake`, `remove` and `expire` are intents: they are allowed or refused here, and `machine*` events report
// what the host then did. The first four therefore keep the state; only the machine's report changes it.

import type { SandboxStatus } from '../http/shapes.ts'

export type SandboxSignal =
  | 'pause'
  | 'resume'
  | 'hibernate'
  | 'wake'
  | 'remove'
  | 'expire'
  | 'machineRunning'
  | 'machinePaused'
  | 'machineGone'
  | 'machineFailed'
  /** The machine has ended and its snapshot is there. */
  | 'machineSaved'
  /** The host ended the machine by itself because its time was over. */
  | 'machineExpired'

export type SandboxStep = { to: SandboxStatus } | { refused: string }

type Row = Partial<Record<SandboxSignal, SandboxStatus>>

const table: Record<SandboxStatus, Row> = {
  creating: {
    remove: 'stopping',
    expire: 'stopping',
    machineRunning: 'running',
    machinePaused: 'paused',
    machineGone: 'failed',
    machineFailed: 'failed',
    machineExpired: 'deleted',
  },
  running: {
    pause: 'running',
    resume: 'running',
    hibernate: 'running',
    wake: 'running',
    machineSaved: 'hibernated',
    remove: 'stopping',
    expire: 'stopping',
    machineRunning: 'running',
    machinePaused: 'paused',
    machineGone: 'failed',
    machineFailed: 'failed',
    machineExpired: 'deleted',
  },
  paused: {
    pause: 'paused',
    resume: 'paused',
    hibernate: 'paused',
    machineSaved: 'hibernated',
    remove: 'stopping',
    expire: 'stopping',
    machineRunning: 'running',
    machinePaused: 'paused',
    machineGone: 'failed',
    machineFailed: 'failed',
    machineExpired: 'deleted',
  },
  hibernated: {
    hibernate: 'hibernated',
    wake: 'hibernated',
    remove: 'stopping',
    expire: 'stopping',
    machineRunning: 'running',
    machinePaused: 'paused',
    machineSaved: 'hibernated',
  },
  stopping: {
    remove: 'stopping',
    expire: 'stopping',
    machineRunning: 'stopping',
    machinePaused: 'stopping',
    machineGone: 'deleted',
    machineFailed: 'deleted',
    machineExpired: 'deleted',
  },
  failed: {
    remove: 'deleted',
    expire: 'deleted',
    machineGone: 'failed',
    machineFailed: 'failed',
    machineExpired: 'failed',
  },
  deleted: {},
}

/** The state after a signal, or why it is refused: a sentence for the caller. */
export const next = (state: SandboxStatus, signal: SandboxSignal): SandboxStep => {
  const to = table[state][signal]
  return to ? { to } : { refused: `the sandbox is ${state}` }
}

/** What may be done in which state, for every face: API, command line, dashboard. */
export const can = {
  exec: (state: SandboxStatus): boolean => state === 'running',
  pause: (state: SandboxStatus): boolean => 'to' in next(state, 'pause'),
  resume: (state: SandboxStatus): boolean => 'to' in next(state, 'resume'),
  remove: (state: SandboxStatus): boolean => 'to' in next(state, 'remove'),
}

/** No machine of such a sandbox may be alive. */
export const isOver = (state: SandboxStatus): boolean => state === 'failed' || state === 'deleted'
