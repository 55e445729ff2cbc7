// Ends a machine, however far it has come: a finished one, a shell, or what a create that was cut short has left. Does
// not ask runsc, which would signal the process ids in its records whoever bears them by now.

import { rm } from 'node:fs/promises'
import path from 'node:path'
import { endProcess } from '@pandastack/kit/process/end.ts'
import { identity } from '@pandastack/kit/process/identity.ts'
import { DriverError } from '@pandastack/driver/driver.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import type { GvisorConfig } from './config.ts'
import { pidsIn } from './processes.ts'

/** A command that is cut short may have started one more process while we looked. */
const roundsMax = 10

/** What runsc keeps of a machine outside its place. */
const records = (config: GvisorConfig, id: string): string[] =>
  [`${id}_sandbox:${id}.state`, `${id}_sandbox:${id}.lock`, `runsc-${id}.sock`].map((name) =>
    path.join(config.stateDir, name),
  )

/** Ends what `find` finds until it finds nothing that runs, and takes the records away. */
export async function endAll(
  config: GvisorConfig,
  machineId: string,
  find: () => Promise<number[]>,
): Promise<void> {
  for (let round = 1; ; round++) {
    const left = (await find()).map(identity).filter((found) => found !== null)
    if (left.length === 0) break
    if (round > roundsMax)
      throw new DriverError('failed', `${left.length} processes of the machine do not end`)
    await Promise.all(left.map((found) => endProcess(found, { graceMs: 0 })))
  }
  for (const record of records(config, machineId)) await rm(record, { force: true })
}

/** May be repeated, also at the same time. */
export async function kill(
  config: GvisorConfig,
  { machineId, place, process }: MachineHandle,
): Promise<void> {
  // The kernel of the sandbox is the first process of its own namespace and takes the guest's with it.
  if (process.pid > 0) await endProcess(process, { graceMs: 0 })
  await endAll(config, machineId, async () => (place.machineId === machineId ? await pidsIn(place) : []))
}
