// From an accepted spec to a running, thawed machine: shell, restore, relay, thaw. Whatever fails, nothing is left.

import { failpoint } from '@pandastack/kit/failpoint/failpoint.ts'
import type { MachineReport, MachineSpec } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { DriverError, type Driver } from '@pandastack/driver/driver.ts'
import type { MachineHandle, Snapshot } from '@pandastack/driver/values.ts'
import { thaw, ThawFailed } from '../guest.ts'
import type { Log } from '../ports.ts'
import type { Shelf } from '../shelf.ts'
import { SnapshotBroken, SnapshotMissing } from '../snapshots/errors.ts'
import type { Snapshots } from '../snapshots/snapshots.ts'
import { UnknownTemplate, type Templates } from '../templates/templates.ts'

const startDeadlineMs = 240_000
const thawDeadlineMs = 15_000

export interface Started {
  handle: MachineHandle
  bootMode: 'snapshot' | 'cold'
  bootMs: number
}

export interface StartFailure {
  reason: NonNullable<MachineReport['reason']>
  message: string
}

export interface StartPorts {
  driver: Driver
  shelf: Shelf
  templates: Templates
  snapshots: Snapshots
  log: Log
  nextGeneration(): number
}

/** Steps and their times go to one log line. Throws what `describeFailure` understands. */
export async function startMachine(
  ports: StartPorts,
  spec: MachineSpec,
  ended: AbortSignal,
): Promise<Started> {
  const { driver, shelf, log } = ports
  const begun = performance.now()
  const marks: Record<string, number> = {}
  const mark = (step: string) => (marks[step] = Math.round((performance.now() - begun) * 10) / 10)
  const signal = AbortSignal.any([ended, AbortSignal.timeout(startDeadlineMs)])

  using source = await sourceOf(ports, spec, signal)
  const { snapshot } = source
  mark('source')
  // The disk is as large as the captured one; processors and memory are limits of the host's and may be asked for.
  const { cpu, memoryMb } = spec.resources
  const handle = await shelf.take(snapshot.image, { ...snapshot.limits, cpu, memoryMb }, signal)
  mark('shell')
  try {
    await failpoint('machine.shell-taken')
    await driver.restore(handle, snapshot, signal)
    mark('restore')
    await failpoint('machine.restored')
    await thaw(
      spec,
      handle.place.nic,
      ports.nextGeneration(),
      AbortSignal.any([signal, AbortSignal.timeout(thawDeadlineMs)]),
    )
    mark('thaw')
  } catch (error) {
    await shelf.discard(handle)
    throw error
  }
  const bootMs = Math.round(performance.now() - begun)
  log.info({ machineId: spec.machineId, place: handle.machineId, bootMs, marks }, 'machine started')
  return { handle, bootMode: source.baked ? 'cold' : 'snapshot', bootMs }
}

interface Source extends Disposable {
  snapshot: Snapshot
  /** It had to be made first. */
  baked: boolean
}

async function sourceOf(ports: StartPorts, { source }: MachineSpec, signal: AbortSignal): Promise<Source> {
  if (source.kind === 'template') {
    const found = await ports.templates.ensure(source.template, () => {}, signal)
    return { ...found, [Symbol.dispose]: () => undefined }
  }
  const opened = await ports.snapshots.open(source.snapshotId, source.digest, signal)
  return { snapshot: opened.snapshot, baked: false, [Symbol.dispose]: () => opened[Symbol.dispose]() }
}

export function describeFailure(error: unknown): StartFailure {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof UnknownTemplate) return { reason: 'unknown_template', message }
  if (error instanceof ThawFailed) return { reason: 'thaw_failed', message }
  if (error instanceof SnapshotMissing) return { reason: 'snapshot_missing', message }
  if (error instanceof SnapshotBroken) return { reason: 'snapshot_corrupt', message }
  if (error instanceof DriverError && error.kind === 'corrupt_snapshot')
    return { reason: 'snapshot_corrupt', message }
  if (error instanceof DriverError && error.kind === 'incompatible_snapshot')
    return { reason: 'snapshot_incompatible', message }
  if (error instanceof DriverError && error.kind === 'no_space') return { reason: 'capacity', message }
  return { reason: 'boot_failed', message }
}
