// What a machine from the ledger is now, and which processes belong to none. Only the kernel is asked.

import { isAlive, runningProcesses } from '@pandastack/kit/process/identity.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import type { FakeConfig } from './config.ts'
import { isStopped, markOfProcess } from './control.ts'

export const stateOf = ({ process }: MachineHandle): 'running' | 'paused' | 'dead' => {
  if (!isAlive(process)) return 'dead'
  return isStopped(process) ? 'paused' : 'running'
}

export const strays = (
  config: FakeConfig,
  known: readonly MachineHandle[],
): { pid: number; detail: string }[] => {
  const ids = new Set(known.map(({ machineId }) => machineId))
  return runningProcesses().flatMap(({ pid, name }) => {
    const mark = markOfProcess(pid)
    const ours = mark?.startsWith(`${config.installation}/`) ?? false
    const id = mark?.slice(config.installation.length + 1) ?? ''
    return ours && !ids.has(id) ? [{ pid, detail: `${name} of ${id}` }] : []
  })
}
