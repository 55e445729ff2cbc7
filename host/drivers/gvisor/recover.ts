// Finds machines again after the agent was restarted, and processes that belong to none. Asks the kernel: runsc's own
// records say "running" for a sandbox that was killed and not yet reaped.

import { readdir, readFile } from 'node:fs/promises'
import { isAlive } from '@pandastack/kit/process/identity.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import type { GvisorConfig } from './config.ts'
import { runsc } from './control.ts'

export async function recover(
  config: GvisorConfig,
  machine: MachineHandle,
): Promise<'running' | 'paused' | 'dead'> {
  if (!(await isAlive(machine.process))) return 'dead'
  try {
    const state = await runsc(config, ['state', machine.machineId], {
      signal: AbortSignal.timeout(config.commandDeadlineMs),
    })
    return /"status":\s*"paused"/.test(state) ? 'paused' : 'running'
  } catch {
    return 'running'
  }
}

/** Sandbox and gofer processes started with our `--root` that no known machine accounts for. */
export async function strays(
  config: GvisorConfig,
  known: readonly MachineHandle[],
): Promise<{ pid: number; detail: string }[]> {
  const ids = new Set(known.map((machine) => machine.machineId))
  const found: { pid: number; detail: string }[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const args = await argumentsOf(name)
    if (!args.includes(`--root=${config.stateDir}`)) continue
    const verb = args.find((arg) => arg === 'boot' || arg === 'gofer')
    if (verb === undefined) continue
    const id = args.at(-1) ?? ''
    if (!ids.has(id)) found.push({ pid: Number(name), detail: `runsc ${verb} of ${id}` })
  }
  return found
}

async function argumentsOf(pid: string): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').filter((arg) => arg !== '')
  } catch {
    return []
  }
}
