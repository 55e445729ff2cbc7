// One machine: its row of the ledger, and the loop that alone changes it. Requests only say what is wanted and wake the
// loop; the loop compares wanted with actual and takes one step at a time until they agree. Every change is written to
// the ledger before it is reported. Captures stand in line for the loop too, so that none runs beside another step.

import { failpoint } from '@pandastack/kit/failpoint/failpoint.ts'
import type { MachineReport, MachineSpec, MachineState } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { SnapshotReport } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import type { Stats } from '@pandastack/driver/driver.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import { guestAddress } from '../guest.ts'
import type { AgentPorts } from '../ports.ts'
import type { Ledger, MachineRow } from '../ledger.ts'
import { SnapshotMissing } from '../snapshots/errors.ts'
import { describeFailure, startMachine, type StartPorts } from './start.ts'
import { isLive, next, type MachineEvent } from './state.ts'

export interface MachineContext extends Pick<
  AgentPorts,
  'driver' | 'cgroups' | 'relay' | 'exits' | 'log' | 'probe'
> {
  ledger: Ledger
  start: StartPorts
  /** Runs at most as many starts at once as the host has processors. */
  admit<T>(task: () => Promise<T>): Promise<T>
  onReport(report: MachineReport): void
}

interface Wish {
  snapshotId: string
  durable: boolean
  resolve(report: SnapshotReport): void
  reject(error: Error): void
}

type Death = { reason: NonNullable<MachineReport['reason']>; message: string }

const controlDeadlineMs = 30_000
const captureDeadlineMs = 600_000
const outOfMemory: Death = { reason: 'oom', message: 'the sandbox used more memory than it has' }

export class Machine {
  readonly id: string
  #context: MachineContext
  #spec: MachineSpec
  #report: MachineReport
  #handle: MachineHandle | null
  #wanted: MachineSpec['desired']
  #endReason: MachineReport['reason'] = null
  #loop: Promise<void> | undefined
  #stopStart = new AbortController()
  #expiry: NodeJS.Timeout | undefined
  #death: Death | undefined
  #captures: Wish[] = []
  /** The intent with which it could not be saved: only a later one tries again. */
  #unsaved = 0

  constructor(context: MachineContext, row: MachineRow) {
    this.#context = context
    this.id = row.spec.machineId
    this.#spec = row.spec
    this.#report = row.report
    this.#handle = row.handle
    this.#wanted = row.spec.desired
  }

  get report(): MachineReport {
    return this.#report
  }

  get handle(): MachineHandle | null {
    return this.#handle
  }

  get intent(): number {
    return this.#spec.intent
  }

  /** A snapshot of what it is when its turn comes; it goes on as it was. Rejects when there is no machine to capture. */
  capture(snapshotId: string, durable: boolean): Promise<SnapshotReport> {
    const { promise, resolve, reject } = Promise.withResolvers<SnapshotReport>()
    this.#captures.push({ snapshotId, durable, resolve, reject })
    this.#wake()
    return promise
  }

  async stats(): Promise<Stats | null> {
    return this.#handle ? await this.#context.driver.stats(this.#handle) : null
  }

  /** Takes a spec of the same or a later intent and works towards it. */
  accept(spec: MachineSpec): void {
    this.#spec = spec
    this.#want(spec.desired, null)
    this.#armExpiry()
  }

  /** Ends the machine for a reason of the host's own. */
  end(reason: MachineReport['reason']): void {
    this.#want('gone', reason)
  }

  /** Resolves when the loop rests: what is wanted is so, or cannot be. */
  async settled(): Promise<void> {
    while (this.#loop) await this.#loop
  }

  /** After a restart of the agent: the machine was found alive; its surroundings are put up again. */
  async adopt(): Promise<void> {
    await this.#surround()
    this.#armExpiry()
    this.#wake()
  }

  /** After a restart of the agent, or when the driver's process has ended: the machine is dead, and the loop sees to it. */
  died(reason: NonNullable<MachineReport['reason']>, message: string): void {
    this.#death ??= { reason, message }
    this.#wake()
  }

  #want(desired: MachineSpec['desired'], reason: MachineReport['reason']): void {
    this.#wanted = desired
    if (desired === 'gone') {
      this.#endReason ??= reason
      this.#stopStart.abort(new Error('the machine is no longer wanted'))
    }
    this.#wake()
  }

  #wake(): void {
    this.#loop ??= this.#run()
      .catch((error: unknown) =>
        this.#context.log.error({ err: error, machineId: this.id }, 'machine loop failed'),
      )
      .finally(() => (this.#loop = undefined))
  }

  async #run(): Promise<void> {
    for (;;) {
      const state: MachineState = this.#report.state
      if (!isLive(state) || this.#wanted === 'gone') this.#refuseCaptures()
      if (this.#wanted === 'gone') {
        if (state === 'gone') return
        await this.#end()
      } else if (state === 'starting') await this.#start()
      else if (isLive(state) && this.#death) await this.#die(this.#death)
      else if (state === 'saving') await this.#save()
      else if (this.#captures.length > 0) await this.#capture(this.#captures.shift() as Wish)
      else if (this.#isToBeSaved(state)) await this.#beginSave()
      else if (state === 'running' && this.#wanted === 'paused') await this.#pause()
      else if (state === 'paused' && this.#wanted === 'running') await this.#resume()
      else {
        if (this.#report.intent !== this.#spec.intent) this.#write({})
        return
      }
    }
  }

  async #start(): Promise<void> {
    try {
      await failpoint('machine.accepted')
      const started = await this.#context.admit(() =>
        startMachine(this.#context.start, this.#spec, this.#stopStart.signal),
      )
      this.#handle = started.handle
      await this.#surround()
      await failpoint('machine.before-report')
      this.#move('started', {
        bootMode: started.bootMode,
        bootMs: started.bootMs,
        guestIp: started.handle.place.nic.guestAddress,
      })
    } catch (error) {
      if (this.#handle) await this.#context.start.shelf.discard(this.#handle)
      this.#handle = null
      if (this.#wanted === 'gone') return
      this.#context.log.warn({ err: error, machineId: this.id }, 'machine could not be started')
      this.#move('failed', describeFailure(error))
    }
  }

  async #pause(): Promise<void> {
    await this.#context.driver.pause(this.#mustHandle(), AbortSignal.timeout(controlDeadlineMs))
    this.#move('paused', {})
  }

  async #resume(): Promise<void> {
    await this.#context.driver.resume(this.#mustHandle(), AbortSignal.timeout(controlDeadlineMs))
    this.#move('resumed', {})
  }

  #refuseCaptures(): void {
    for (const { reject } of this.#captures.splice(0))
      reject(new SnapshotMissing(`the machine is ${this.#report.state}`))
  }

  async #capture({ snapshotId, durable, resolve, reject }: Wish): Promise<void> {
    await this.#make(snapshotId, durable).then(resolve, reject)
  }

  #make(snapshotId: string, durable: boolean): Promise<SnapshotReport> {
    const handle = this.#mustHandle()
    const { driver, start } = this.#context
    const signal = AbortSignal.timeout(captureDeadlineMs)
    return start.snapshots.make(snapshotId, { durable, image: handle.image, limits: handle.limits }, (dir) =>
      driver.capture(handle, dir, { leaveRunning: true }, signal),
    )
  }

  #isToBeSaved(state: MachineState): boolean {
    if (this.#wanted !== 'saved' || this.#unsaved === this.#spec.intent) return false
    return state === 'running' || state === 'paused'
  }

  /** From here on nobody inside runs, until the snapshot is there and the machine gone, or it could not be made. */
  async #beginSave(): Promise<void> {
    if (this.#report.state === 'running') {
      const signal = AbortSignal.timeout(controlDeadlineMs)
      await this.#context.driver.pause(this.#mustHandle(), signal).catch((error: unknown) => {
        this.#unsaved = this.#spec.intent
        this.#write({ saveFailure: { code: 'failed', message: `it could not be paused: ${String(error)}` } })
      })
    }
    if (this.#isToBeSaved(this.#report.state)) this.#move('save', { saveFailure: null })
  }

  /** May be repeated by a later agent: a snapshot that was published is what the machine was, and it is ended. */
  async #save(): Promise<void> {
    const id = this.#spec.saveAs ?? ''
    await failpoint('machine.saving')
    const { state, failure } = await this.#make(id, true)
    if (state !== 'ready') return await this.#goOn(failure)
    await failpoint('machine.saved')
    await this.#unsurround()
    await this.#context.start.shelf.discard(this.#mustHandle())
    this.#handle = null
    clearTimeout(this.#expiry)
    this.#move('saved', {})
  }

  async #goOn(saveFailure: MachineReport['saveFailure']): Promise<void> {
    this.#unsaved = this.#spec.intent
    try {
      await this.#context.driver.resume(this.#mustHandle(), AbortSignal.timeout(controlDeadlineMs))
      this.#move('resumed', { saveFailure })
    } catch (error) {
      this.#death ??= { reason: 'driver_died', message: `it neither was saved nor went on: ${String(error)}` }
    }
  }

  async #die(death: Death): Promise<void> {
    const handle = this.#mustHandle()
    const ooms = await this.#context.cgroups.oomKills(handle.machineId).catch(() => 0)
    await this.#unsurround()
    await this.#context.start.shelf.discard(handle)
    this.#handle = null
    this.#move('died', ooms > 0 ? outOfMemory : death)
  }

  async #end(): Promise<void> {
    if (this.#report.state !== 'stopping')
      this.#move('end', { reason: this.#report.reason ?? this.#endReason })
    clearTimeout(this.#expiry)
    await failpoint('machine.stopping')
    await this.#unsurround()
    if (this.#handle) await this.#context.start.shelf.discard(this.#handle)
    this.#handle = null
    this.#move('ended', {})
  }

  #mustHandle(): MachineHandle {
    if (!this.#handle) throw new Error(`machine ${this.id} is ${this.#report.state} without a handle`)
    return this.#handle
  }

  async #surround(): Promise<void> {
    const handle = this.#mustHandle()
    const { host, port } = guestAddress(handle.place.nic)
    await this.#context.relay.set(this.id, `${host}:${port}`)
    this.#context.exits.watch(this.id, handle.process, () =>
      this.died('driver_died', 'the sandbox process ended by itself'),
    )
  }

  async #unsurround(): Promise<void> {
    this.#context.exits.unwatch(this.id)
    await this.#context.relay.unset(this.id)
  }

  #armExpiry(): void {
    clearTimeout(this.#expiry)
    const at = this.#spec.expiresAtUnixMs
    if (at === null || !isLive(this.#report.state)) return
    // Timers hold 24.8 days at most; a longer wait is taken in pieces.
    const waitMs = Math.min(Math.max(0, at - Date.now()), 86_400_000)
    this.#expiry = setTimeout(() => {
      if (Date.now() >= at) this.end('expired')
      else this.#armExpiry()
    }, waitMs)
    // An agent that leaves does not wait for its machines to expire.
    this.#expiry.unref()
  }

  #move(event: MachineEvent, change: Partial<MachineReport>): void {
    const state = next(this.#report.state, event)
    if (state === null)
      throw new Error(`machine ${this.id}: ${event} has no place in state ${this.#report.state}`)
    this.#write({ ...change, state })
  }

  #write(change: Partial<MachineReport>): void {
    this.#report = {
      ...this.#report,
      ...change,
      intent: this.#spec.intent,
      generation: this.#report.generation + 1,
    }
    this.#context.ledger.put({ spec: this.#spec, report: this.#report, handle: this.#handle })
    this.#context.onReport(this.#report)
  }
}
