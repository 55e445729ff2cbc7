// Templates on this host: which have a snapshot, and making one. A bake boots the image in a place like any other, waits
// for the guest agent, warms what every first command needs, captures, and publishes under a name that holds everything
// the snapshot depends on: image, driver, limits. Two creates that need the same bake share it. What is on disk is the
// truth; a bake that was killed leaves a directory that is swept at the next start, and one whose bytes are not those
// that were written is baked anew.

import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { catalogue, findTemplate, type CatalogueEntry } from '@pandastack/contracts/catalogue.ts'
import type { Driver } from '@pandastack/driver/driver.ts'
import type { Image, Limits, Snapshot } from '@pandastack/driver/values.ts'
import { awaitGuest } from '../guest.ts'
import type { Images, Log, Storage } from '../ports.ts'
import type { Shelf } from '../shelf.ts'
import { SnapshotBroken, SnapshotMissing } from '../snapshots/errors.ts'
import type { Integrity } from '../snapshots/integrity.ts'
import type { Sums } from '../sums-port.ts'
import { warm } from './warm.ts'

export type Progress = (step: string, percent: number) => void

export interface TemplateState {
  name: string
  state: 'missing' | 'built' | 'baking' | 'baked'
  sizeBytes: number
  cpu: number
  memoryMb: number
}

export interface Templates extends AsyncDisposable {
  /** The template's snapshot, made now if there is none; `baked` tells whether this call had to wait for a bake. */
  ensure(
    name: string,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<{ snapshot: Snapshot; baked: boolean }>
  states(): Promise<TemplateState[]>
  /** Removes what killed bakes left. */
  sweep(): Promise<void>
}

export class UnknownTemplate extends Error {
  override name = 'UnknownTemplate'
}

const bakeDeadlineMs = 180_000
const pidsMax = 1024

const limitsOf = (entry: CatalogueEntry): Limits => ({
  cpu: entry.cpu,
  memoryMb: entry.memoryMb,
  diskMb: entry.diskMb,
  pids: pidsMax,
})

export function createTemplates(options: {
  driver: Driver
  driverVersion: string
  storage: Storage
  sums: Sums
  integrity: Integrity
  images: Images
  shelf: Shelf
  log: Log
}): Templates {
  const { driver, driverVersion, storage, sums, integrity, images, shelf, log } = options
  const bakes = new Map<string, Promise<Snapshot>>()
  const closing = new AbortController()
  const known = new Map<string, { snapshot: Snapshot; digest: string }>()

  const snapshotDir = (entry: CatalogueEntry, image: Image): string =>
    path.join(
      storage.templatesDir,
      `${entry.name}-${image.digest.slice(0, 16)}-${driver.name}-${driverVersion}`,
    )

  const describe = (entry: CatalogueEntry, image: Image, dir: string): Snapshot => ({
    id: path.basename(dir),
    dir,
    driver: driver.name,
    driverVersion,
    image,
    limits: limitsOf(entry),
  })

  const bake = async (entry: CatalogueEntry, image: Image, progress: Progress): Promise<Snapshot> => {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(bakeDeadlineMs)])
    const dir = snapshotDir(entry, image)
    const making = `${dir}.making`
    const limits = limitsOf(entry)
    await rm(making, { recursive: true, force: true })
    // Only what is damaged, or of a time before sums, can be there.
    await rm(dir, { recursive: true, force: true })
    await mkdir(making, { recursive: true, mode: 0o700 })
    progress('preparing', 5)
    const shell = await shelf.take(image, limits, signal)
    try {
      progress('booting', 20)
      await driver.boot(shell, signal)
      await awaitGuest(shell.place.nic, signal)
      progress('warming', 40)
      await warm(shell.place.nic, signal)
      progress('capturing', 70)
      await driver.capture(shell, making, { leaveRunning: false }, signal)
    } catch (error) {
      await rm(making, { recursive: true, force: true })
      throw error
    } finally {
      await shelf.discard(shell)
    }
    const snapshot = describe(entry, image, dir)
    await writeFile(
      path.join(making, 'manifest.json'),
      JSON.stringify({ ...snapshot, createdUnixMs: Date.now() }),
    )
    progress('publishing', 90)
    const { sha256 } = await sums.seal(making, signal)
    await storage.publish(making, dir)
    await integrity.trust(dir)
    known.set(dir, { snapshot, digest: sha256 })
    log.info({ template: entry.name, dir }, 'template baked')
    progress('baked', 100)
    return snapshot
  }

  const find = async (entry: CatalogueEntry, image: Image): Promise<Snapshot | null> => {
    const dir = snapshotDir(entry, image)
    const cached = known.get(dir)
    if (cached) return cached.snapshot
    try {
      const sealed = await readFile(path.join(dir, 'sums.json'))
      const snapshot = describe(entry, image, dir)
      known.set(dir, { snapshot, digest: createHash('sha256').update(sealed).digest('hex') })
      return snapshot
    } catch {
      return null
    }
  }

  /** Null when there is none that is whole. */
  const findWhole = async (
    entry: CatalogueEntry,
    image: Image,
    signal: AbortSignal,
  ): Promise<Snapshot | null> => {
    const snapshot = await find(entry, image)
    if (!snapshot) return null
    try {
      await integrity.check(snapshot.dir, known.get(snapshot.dir)?.digest ?? '', signal)
      return snapshot
    } catch (error) {
      if (!(error instanceof SnapshotBroken || error instanceof SnapshotMissing)) throw error
      log.error({ err: error, dir: snapshot.dir }, 'a template is damaged and baked anew')
      known.delete(snapshot.dir)
      return null
    }
  }

  return {
    ensure: async (name, progress, signal) => {
      const entry = findTemplate(name)
      if (!entry) throw new UnknownTemplate(`there is no template ${name}`)
      const image = await images.find(entry.name)
      if (!image)
        throw new UnknownTemplate(`the image of template ${entry.name} has not been built on this host`)
      const found = await findWhole(entry, image, signal)
      if (found) return { snapshot: found, baked: false }
      let pending = bakes.get(entry.name)
      if (!pending) {
        pending = bake(entry, image, progress).finally(() => bakes.delete(entry.name))
        bakes.set(entry.name, pending)
      }
      const aborted = Promise.withResolvers<never>()
      const onAbort = () => aborted.reject(signal.reason as Error)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        return { snapshot: await Promise.race([pending, aborted.promise]), baked: true }
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
    },
    states: () =>
      Promise.all(
        catalogue.map(async (entry) => {
          const image = await images.find(entry.name)
          const baked = image && (await find(entry, image))
          const state = bakes.has(entry.name) ? 'baking' : baked ? 'baked' : image ? 'built' : 'missing'
          return {
            name: entry.name,
            state: state as TemplateState['state'],
            sizeBytes: image?.sizeBytes ?? 0,
            cpu: entry.cpu,
            memoryMb: entry.memoryMb,
          }
        }),
      ),
    sweep: async () => {
      for (const name of await readdir(storage.templatesDir))
        if (name.endsWith('.making'))
          await rm(path.join(storage.templatesDir, name), { recursive: true, force: true })
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort(new Error('the agent is leaving'))
      await Promise.allSettled(bakes.values())
    },
  }
}
