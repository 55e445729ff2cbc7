// The host agent as one object: everything but its doors. Built from ports, so that it runs on fakes as well.

import os from 'node:os'
import path from 'node:path'
import { randomUUID } from 'node:crypto'
import type { HostInfo, LeakReport } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { SnapshotReport, SnapshotSpec } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import { rm } from 'node:fs/promises'
import { findLeaks } from './leaks.ts'
import { openLedger } from './ledger.ts'
import { createMachines, type Machines } from './machines/machines.ts'
import { createPlaces } from './places.ts'
import type { AgentPorts } from './ports.ts'
import { recoverHost } from './recover.ts'
import { limitConcurrency } from './limit.ts'
import { createShelf } from './shelf.ts'
import { createChanges, type Changes } from './snapshots/changes.ts'
import { Integrity } from './snapshots/integrity.ts'
import { Snapshots } from './snapshots/snapshots.ts'
import { takeSnapshot } from './snapshots/take.ts'
import { createTemplates, type Templates } from './templates/templates.ts'

export interface Agent extends AsyncDisposable {
  machines: Machines
  templates: Templates
  snapshots: Snapshots
  changes: Changes
  /** Makes what the specification says; the report tells how that ended. */
  take(spec: SnapshotSpec): Promise<SnapshotReport>
  info(): Promise<HostInfo>
  leaks(): Promise<LeakReport>
}

export interface AgentOptions {
  stateDir: string
  version: string
  /** Empty sandboxes kept ready for each kind in use. Default: by the memory of the host, at most 8. */
  shelfSize?: number | undefined
  machinesMax?: number | undefined
}

const mib = 1_048_576
/** What an idle sandbox costs at least; a host is not promised more of them than fit. */
const machineMinMb = 64
/** Creates are refused when less than this share of the memory is available. */
const memoryReserve = 0.05

/** A fork into as many children as lie ready waits for none to be made. */
const shelfSizeHere = (): number => Math.max(2, Math.min(8, Math.floor(os.totalmem() / mib / 2048)))

export async function createAgent(ports: AgentPorts, options: AgentOptions): Promise<Agent> {
  const ledger = openLedger(path.join(options.stateDir, 'ledger.sqlite'))
  const hostId = ledger.setting('host_id', () => randomUUID())
  let generation = Number(ledger.setting('generation', () => '0'))
  const nextGeneration = (): number => {
    ledger.setSetting('generation', String(++generation))
    return generation
  }
  const places = createPlaces(ports)
  const recovered = await recoverHost(ports, ledger, places)
  const admit = limitConcurrency(Math.max(2, os.availableParallelism()))
  const shelf = createShelf({
    driver: ports.driver,
    places,
    size: options.shelfSize ?? shelfSizeHere(),
    isBusy: () => admit.running > 0,
    log: ports.log,
  })
  const integrity = new Integrity(ports.sums)
  const templates = createTemplates({ ...ports, driverVersion: ports.probe.version, shelf, integrity })
  await templates.sweep()

  const snapshots = new Snapshots({
    ...ports,
    integrity,
    driver: ports.driver.name,
    driverVersion: ports.probe.version,
    tier: ports.probe.tier,
  })
  await snapshots.load()
  const changesDir = path.join(options.stateDir, 'changes')
  await rm(changesDir, { recursive: true, force: true })
  const changes = createChanges({ driver: ports.driver, snapshots, shelf, dir: changesDir })

  const machinesMax = options.machinesMax ?? Math.max(4, Math.floor(os.totalmem() / mib / machineMinMb))
  const machines = createMachines(
    {
      ...ports,
      ledger,
      start: { driver: ports.driver, shelf, templates, snapshots, log: ports.log, nextGeneration },
      admit,
    },
    {
      machinesMax,
      refuse: () => (os.freemem() < os.totalmem() * memoryReserve ? 'this host is short of memory' : null),
    },
  )
  await machines.restoreAll(recovered)

  return {
    machines,
    templates,
    snapshots,
    changes,
    take: (spec) => takeSnapshot(machines, snapshots, spec),
    info: async () => ({
      hostId,
      version: options.version,
      driver: ports.driver.name,
      tier: ports.probe.tier,
      tierReason: ports.probe.reason,
      cpus: os.availableParallelism(),
      memoryMb: Math.floor(os.totalmem() / mib),
      machinesMax,
      machines: machines.all().length,
      templates: await templates.states(),
    }),
    leaks: async () => ({ leaks: await findLeaks({ ports, places, snapshots }) }),
    [Symbol.asyncDispose]: async () => {
      await templates[Symbol.asyncDispose]()
      await shelf[Symbol.asyncDispose]()
      const running = machines.all().flatMap((machine) => (machine.handle ? [machine.handle.place.nic] : []))
      await ports.network.close({ keep: running })
      // Of a host without machines nothing of ours is to stay.
      if (running.length === 0) await Promise.all([ports.driver.release(), ports.cgroups.release()])
      ledger[Symbol.dispose]()
    },
  }
}
