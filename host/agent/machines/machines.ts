// All machines of this host: accepts or refuses what is asked, and tells listeners of every change.

import { EventEmitter } from 'node:events'
import type { MachineReport, MachineSpec } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { Machine, type MachineContext } from './machine.ts'
import { isLive } from './state.ts'

export class StaleIntent extends Error {
  override name = 'StaleIntent'
}

export interface Machines {
  /** Accepts the spec (or refuses: StaleIntent) and answers with the report once the machine rests or `waitMs` is over. */
  ensure(spec: MachineSpec, waitMs: number): Promise<MachineReport>
  get(machineId: string): Machine | undefined
  all(): Machine[]
  /** Only after its end: a live machine is not forgotten. */
  forget(machineId: string): void
  /** Ends every machine and waits for it. */
  endAll(): Promise<void>
  subscribe(listener: (report: MachineReport) => void): Disposable
  /** Puts machines of the ledger back; `recovered` tells what each is now. */
  restoreAll(recovered: Map<string, 'running' | 'paused' | 'dead'>): Promise<void>
}

export function createMachines(
  context: Omit<MachineContext, 'onReport'>,
  limits: { machinesMax: number; refuse(): string | null },
): Machines {
  const machines = new Map<string, Machine>()
  const changes = new EventEmitter().setMaxListeners(0)
  const machineContext: MachineContext = {
    ...context,
    onReport: (report) => void changes.emit('report', report),
  }

  const firstReport = (spec: MachineSpec): MachineReport => ({
    machineId: spec.machineId,
    sandboxId: spec.sandboxId,
    generation: 1,
    intent: spec.intent,
    state: 'starting',
    tier: context.probe.tier,
    driver: context.driver.name,
    bootMode: null,
    bootMs: null,
    guestIp: null,
    reason: null,
    message: null,
  })
  const live = () => [...machines.values()].filter((machine) => isLive(machine.report.state)).length

  const admit = (spec: MachineSpec): Machine => {
    const report = firstReport(spec)
    const full =
      live() >= limits.machinesMax ? `this host runs its ${limits.machinesMax} machines` : limits.refuse()
    const refused: MachineReport | null =
      spec.desired === 'gone'
        ? { ...report, state: 'gone' }
        : full
          ? { ...report, state: 'failed', reason: 'capacity', message: full }
          : null
    const row = { spec, report: refused ?? report, handle: null }
    const machine = new Machine(machineContext, row)
    machines.set(spec.machineId, machine)
    context.ledger.put(row)
    return machine
  }

  return {
    ensure: async (spec, waitMs) => {
      const machine = machines.get(spec.machineId) ?? admit(spec)
      if (spec.intent < machine.intent)
        throw new StaleIntent(`intent ${spec.intent} is older than ${machine.intent}`)
      machine.accept(spec)
      const { promise: overdue, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, waitMs)
      try {
        await Promise.race([machine.settled(), overdue])
      } finally {
        clearTimeout(timer)
      }
      return machine.report
    },
    get: (machineId) => machines.get(machineId),
    all: () => [...machines.values()],
    forget: (machineId) => {
      const machine = machines.get(machineId)
      if (!machine || isLive(machine.report.state) || machine.report.state === 'stopping') return
      machines.delete(machineId)
      context.ledger.forget(machineId)
    },
    endAll: async () => {
      for (const machine of machines.values()) machine.end(null)
      await Promise.all([...machines.values()].map((machine) => machine.settled()))
    },
    subscribe: (listener) => {
      changes.on('report', listener)
      return { [Symbol.dispose]: () => void changes.off('report', listener) }
    },
    restoreAll: async (recovered) => {
      for (const row of context.ledger.all()) {
        const machine = new Machine(machineContext, row)
        machines.set(row.spec.machineId, machine)
        const found = recovered.get(row.spec.machineId)
        if (found === 'running' || found === 'paused') await machine.adopt()
        else if (isLive(row.report.state))
          machine.died('driver_died', 'the sandbox ended while the agent was away')
        else if (row.report.state === 'stopping') machine.end(null)
        await machine.settled()
      }
    },
  }
}
