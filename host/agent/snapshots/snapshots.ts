// Snapshots of this host: made aside, summed, published, opened under a lease, removed when nobody restores from them any
// more. What is on disk with a manifest is the truth for durable ones; passing ones live as long as this process.

import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { SnapshotReport } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import { DriverError, type Captured } from '@pandastack/driver/driver.ts'
import type { Image, Limits, Snapshot } from '@pandastack/driver/values.ts'
import { failpoint } from '@pandastack/kit/failpoint/failpoint.ts'
import { limitConcurrency } from '../limit.ts'
import type { Log, Storage } from '../ports.ts'
import type { Sums } from '../sums-port.ts'
import { failureOf, SnapshotBroken, SnapshotMissing } from './errors.ts'
import type { Integrity } from './integrity.ts'
import { isPassing, readManifest, reportOf, snapshotOf, writeManifest, type Manifest } from './manifest.ts'

export interface SnapshotsOptions {
  storage: Storage
  sums: Sums
  integrity: Integrity
  driver: string
  driverVersion: string
  tier: string
  log: Log
}

export interface OpenSnapshot extends Disposable {
  snapshot: Snapshot
}

interface Entry {
  report: SnapshotReport
  snapshot: Snapshot | null
  holders: number
}

/** At 200 MB/s this is more than 300 GB. */
const sealDeadlineMs = 1_800_000
/** A capture is bound by processor and disk. */
const capturesAtOnce = 2

export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #entries = new Map<string, Entry>()
  /** Removed, and still being restored from. */
  readonly #doomed = new Set<string>()
  readonly #making = new Map<string, Promise<SnapshotReport>>()
  readonly #admit = limitConcurrency(capturesAtOnce)

  constructor(options: SnapshotsOptions) {
    this.#options = options
  }

  /** Takes up what is on disk. To be called once, before anything else. */
  async load(): Promise<void> {
    const { snapshots } = this.#options.storage
    await snapshots.sweep()
    for (const id of await snapshots.list()) {
      const found = await this.#find(id)
      if (found) this.#put(id, found)
      else if (await isPassing(snapshots.path(id))) await snapshots.remove(id)
      else {
        this.#options.log.error({ snapshot: id }, 'a snapshot is damaged: its manifest cannot be read')
        const failure = { code: 'failed' as const, message: 'its manifest cannot be read' }
        this.#put(id, { report: { ...this.#blank(id, true), state: 'failed', failure } })
      }
    }
  }

  get(id: string): SnapshotReport | undefined {
    return this.#entries.get(id)?.report
  }

  all(): SnapshotReport[] {
    return [...this.#entries.values()].map(({ report }) => report)
  }

  /** Its files are somebody's. */
  knows(id: string): boolean {
    return this.#entries.has(id) || this.#doomed.has(id)
  }

  /**
   * Makes one that is not there: `capture` fills the directory. Of two calls for one id the second waits for the first.
   * Never throws for a snapshot that could not be made: its report says why.
   */
  make(
    id: string,
    options: { durable: boolean; image: Image; limits: Limits },
    capture: (dir: string) => Promise<Captured>,
  ): Promise<SnapshotReport> {
    const { durable, image, limits } = options
    return this.#once(id, durable, async (dir) => {
      const { pauseMs } = await capture(dir)
      await failpoint('snapshot.captured')
      const { driver, driverVersion, tier, storage } = this.#options
      const common = { id, driver, driverVersion, image, limits }
      if (durable)
        return this.#publish(dir, { version: 1, ...common, tier, pauseMs, createdUnixMs: Date.now() })
      const final = await storage.snapshots.publish(id, { durable: false })
      const report: SnapshotReport = { ...this.#blank(id, false), state: 'ready', pauseMs }
      return this.#put(id, { report, snapshot: { ...common, dir: final } })
    })
  }

  /** A durable copy of another one. */
  copy(id: string, from: string): Promise<SnapshotReport> {
    return this.#once(id, true, async (dir) => {
      using source = await this.open(from, '', AbortSignal.timeout(sealDeadlineMs))
      const { driver, driverVersion, image, limits } = source.snapshot
      await this.#options.storage.snapshots.clone(from, id)
      for (const name of ['manifest.json', 'sums.json']) await rm(path.join(dir, name), { force: true })
      const said = { version: 1 as const, id, driver, driverVersion, image, limits, tier: this.#options.tier }
      return this.#publish(dir, { ...said, pauseMs: 0, createdUnixMs: Date.now() })
    })
  }

  /** Checked, and kept until it is let go. `digest` empty: whichever content it has. */
  async open(id: string, digest: string, signal: AbortSignal): Promise<OpenSnapshot> {
    await this.#making.get(id)
    const entry = await this.#look(id, digest)
    if (!entry) throw new SnapshotMissing(`there is no snapshot ${id} on this host`)
    const { snapshot } = entry
    if (!snapshot) throw new SnapshotBroken(entry.report.failure?.message ?? 'the snapshot was never made')
    if (digest !== '' && entry.report.digest !== digest)
      throw new SnapshotBroken('another content is stored under the id of the snapshot')
    const { integrity } = this.#options
    entry.holders += 1
    let held = true
    const letGo = (): void => {
      if (held) this.#letGo(id, entry)
      held = false
    }
    try {
      if (entry.report.durable) await integrity.check(snapshot.dir, entry.report.digest, signal)
    } catch (error) {
      letGo()
      throw error
    }
    return { snapshot, [Symbol.dispose]: letGo }
  }

  /** What could not be used when it was read, or was another content then, may have been put right since. */
  async #look(id: string, digest: string): Promise<Entry | undefined> {
    const entry = this.#entries.get(id)
    const usable = entry?.snapshot && (digest === '' || entry.report.digest === digest)
    if (!entry?.report.durable || usable || entry.holders > 0) return entry
    const found = await this.#find(id)
    return found && this.#entries.get(id) === entry ? this.#put(id, found) : this.#entries.get(id)
  }

  /** As it is on disk; null when it cannot be read, or says that it is another one. */
  async #find(id: string): Promise<Pick<Entry, 'report' | 'snapshot'> | null> {
    const dir = this.#options.storage.snapshots.path(id)
    const found = await readManifest(dir)
    if (found?.manifest.id !== id) return null
    const { manifest, digest, bytes } = found
    const report = reportOf(manifest, { digest, uniqueBytes: bytes, sharedBytes: 0 })
    return { report, snapshot: snapshotOf(manifest, dir) }
  }

  /** Its files go once nobody holds it; its id is free at once. */
  async remove(id: string): Promise<void> {
    await this.#making.get(id)
    const entry = this.#entries.get(id)
    this.#entries.delete(id)
    this.#options.integrity.forget(this.#options.storage.snapshots.path(id))
    if (entry && entry.holders > 0) this.#doomed.add(id)
    else await this.#options.storage.snapshots.remove(id)
  }

  #once(id: string, durable: boolean, work: (dir: string) => Promise<Entry>): Promise<SnapshotReport> {
    const known = this.#entries.get(id)?.report
    if (known?.state === 'ready') return Promise.resolve(known)
    let pending = this.#making.get(id)
    if (!pending) {
      this.#put(id, { report: this.#blank(id, durable) })
      pending = this.#admit(() => this.#attempt(id, durable, work)).finally(() => this.#making.delete(id))
      this.#making.set(id, pending)
    }
    return pending
  }

  async #attempt(
    id: string,
    durable: boolean,
    work: (dir: string) => Promise<Entry>,
  ): Promise<SnapshotReport> {
    const { storage, log } = this.#options
    try {
      if ((await storage.freeSpace()).low)
        throw new DriverError('no_space', 'the disk of this host is nearly full')
      const dir = await storage.snapshots.make(id)
      await failpoint('snapshot.begun')
      return (await work(dir)).report
    } catch (error) {
      await storage.snapshots.abandon(id).catch((err: unknown) => log.warn({ err, id }, 'left in the making'))
      log.warn({ err: error, snapshot: id }, 'a snapshot could not be made')
      const report = { ...this.#blank(id, durable), state: 'failed' as const, failure: failureOf(error) }
      return this.#put(id, { report }).report
    }
  }

  /** Sums what is in the work directory and makes it the snapshot. */
  async #publish(dir: string, manifest: Manifest): Promise<Entry> {
    const { sums, storage, integrity } = this.#options
    await writeManifest(dir, manifest)
    const { sha256, uniqueBytes, sharedBytes } = await sums.seal(dir, AbortSignal.timeout(sealDeadlineMs))
    await failpoint('snapshot.before-publish')
    const final = await storage.snapshots.publish(manifest.id, { durable: true })
    await failpoint('snapshot.published')
    await integrity.trust(final)
    const report = reportOf(manifest, { digest: sha256, uniqueBytes, sharedBytes })
    return this.#put(manifest.id, { report, snapshot: snapshotOf(manifest, final) })
  }

  #letGo(id: string, entry: Entry): void {
    entry.holders -= 1
    if (entry.holders > 0 || !this.#doomed.delete(id)) return
    this.#options.storage.snapshots
      .remove(id)
      .catch((err: unknown) => this.#options.log.warn({ err, snapshot: id }, 'a snapshot was not removed'))
  }

  #put(id: string, entry: Partial<Entry> & Pick<Entry, 'report'>): Entry {
    const blank = { snapshot: null, holders: 0 }
    const made: Entry = { ...blank, ...entry }
    this.#entries.set(id, made)
    return made
  }

  #blank(id: string, durable: boolean): SnapshotReport {
    const { tier, driver, driverVersion } = this.#options
    const empty = { digest: '', uniqueBytes: 0, sharedBytes: 0, pauseMs: 0, failure: null }
    return { snapshotId: id, state: 'capturing', durable, ...empty, tier, driver, driverVersion }
  }
}
