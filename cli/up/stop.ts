// Ends what an installation has running, by what it has recorded of itself and never by name. Works whether its
// supervisor is alive, was killed, or never was.

import { rm } from 'node:fs/promises'
import { endGroup, endProcess, type EndOutcome } from '@pandastack/kit/process/end.ts'
import type { Home } from './home.ts'
import {
  componentNames,
  livingComponents,
  pidFile,
  readState,
  supervisorRuns,
  type ComponentName,
  type RunState,
} from './state.ts'

/** The supervisor itself waits up to this long for its three components. */
const supervisorGraceMs = 90_000

const politeSignals: Record<ComponentName, NodeJS.Signals> = {
  postgres: 'SIGINT',
  agent: 'SIGTERM',
  'control-plane': 'SIGTERM',
}
const graceMs = 25_000

/** Components whose supervisor is gone, in the opposite order of their start. */
export const endOrphans = async (state: RunState | null): Promise<[ComponentName, EndOutcome][]> => {
  const ended: [ComponentName, EndOutcome][] = []
  const living = new Map(livingComponents(state))
  for (const name of componentNames.toReversed()) {
    const component = living.get(name)
    if (!component) continue
    ended.push([name, await endGroup(component, { politeSignal: politeSignals[name], graceMs })])
  }
  return ended
}

/** Ends supervisor and components; sandboxes run on. True if anything ran. */
export const stopProcesses = async (home: Home): Promise<boolean> => {
  const state = readState(home.run)
  const supervised = supervisorRuns(state)
  if (supervised) await endProcess(state.supervisor, { graceMs: supervisorGraceMs })
  const orphans = await endOrphans(readState(home.run))
  await rm(pidFile(home.run), { force: true })
  return supervised || orphans.length > 0
}
