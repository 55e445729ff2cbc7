// Who runs: written by the supervisor after each change, read by every command. A process is known by number, start
// time and boot, so that a file from before a crash or a reboot never points at somebody else.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, type ProcessIdentity } from '@pandastack/kit/process/identity.ts'

export const componentNames = ['postgres', 'agent', 'control-plane'] as const
export type ComponentName = (typeof componentNames)[number]

export interface ComponentState extends ProcessIdentity {
  state: 'starting' | 'ready' | 'waiting' | 'stopped'
  startedAtMs: number
  restarts: number
  lastEnd: string | null
}

export interface RunState {
  version: 1
  bootId: string
  supervisor: ProcessIdentity
  /** `stopped`: its sandboxes may run on. `down`: they were ended too. */
  phase: 'starting' | 'running' | 'stopping' | 'stopped' | 'failed' | 'down'
  /** What is being waited for while starting; why it failed. */
  detail: string
  listen: string
  startedAtMs: number
  components: Partial<Record<ComponentName, ComponentState>>
}

export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

const stateFile = (run: string): string => join(run, 'state.json')
/** `<pid> <start time> <boot id>`: what cli/bootstrap/running.sh reads. */
export const pidFile = (run: string): string => join(run, 'supervisor.pid')

const isIdentity = (value: unknown): value is ProcessIdentity => {
  const { pid, startTime } = (value ?? {}) as Partial<ProcessIdentity>
  return Number.isInteger(pid) && (pid as number) > 1 && typeof startTime === 'string'
}

/** Null for anything but a whole state of this version. */
export const parseState = (text: string): RunState | null => {
  try {
    const state = JSON.parse(text) as Partial<RunState>
    if (state.version !== 1 || !isIdentity(state.supervisor) || typeof state.components !== 'object')
      return null
    return Object.values(state.components ?? {}).every(isIdentity) ? (state as RunState) : null
  } catch {
    return null
  }
}

/** Null if nothing was ever started here, or not since the machine was. */
export const readState = (run: string): RunState | null => {
  try {
    const state = parseState(readFileSync(stateFile(run), 'utf8'))
    return state?.bootId === bootId() ? state : null
  } catch {
    return null
  }
}

export const writeState = (run: string, state: RunState): void => {
  const file = stateFile(run)
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o644 })
  renameSync(`${file}.new`, file)
}

export const supervisorRuns = (state: RunState | null): state is RunState =>
  state !== null && isAlive(state.supervisor)

/** Components of a supervisor that runs or has been killed. */
export const livingComponents = (state: RunState | null): [ComponentName, ComponentState][] =>
  componentNames.flatMap((name) => {
    const component = state?.components[name]
    return component && isAlive(component) ? [[name, component] as [ComponentName, ComponentState]] : []
  })
