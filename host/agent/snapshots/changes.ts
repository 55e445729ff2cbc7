// Which files of a machine, or of a snapshot, differ from its image, as a file of lines. A snapshot is restored for that
// into a shell, asked, and thrown away before its guest was ever spoken to; its answer is kept, because it cannot change.

import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Driver } from '@pandastack/driver/driver.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import type { Shelf } from '../shelf.ts'
import type { Snapshots } from './snapshots.ts'

export interface Changes {
  /** A file of the caller's, which removes it. */
  ofMachine(handle: MachineHandle, signal: AbortSignal): Promise<string>
  /** A file that stays as long as the snapshot. */
  ofSnapshot(id: string, signal: AbortSignal): Promise<string>
  forget(id: string): Promise<void>
}

const entriesMax = 100_000
const deadlineMs = 120_000

export const createChanges = (options: {
  driver: Driver
  snapshots: Snapshots
  shelf: Shelf
  /** Holds only what can be made again, and is emptied by whoever makes this. */
  dir: string
}): Changes => {
  const { driver, snapshots, shelf, dir } = options
  const known = new Map<string, Promise<string>>()

  const write = async (handle: MachineHandle, name: string, signal: AbortSignal): Promise<string> => {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const file = path.join(dir, name)
    await driver.changes(handle, file, { entriesMax }, signal)
    return file
  }
  const restored = async (id: string): Promise<string> => {
    const signal = AbortSignal.timeout(deadlineMs)
    using opened = await snapshots.open(id, '', signal)
    const { snapshot } = opened
    const shell = await shelf.take(snapshot.image, snapshot.limits, signal)
    try {
      await driver.restore(shell, snapshot, signal)
      return await write(shell, `${id}.ndjson`, signal)
    } finally {
      await shelf.discard(shell)
    }
  }
  return {
    ofMachine: (handle, signal) =>
      write(handle, `${randomUUID()}.ndjson`, AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)])),
    ofSnapshot: async (id, signal) => {
      let pending = known.get(id)
      if (!pending) {
        pending = restored(id)
        known.set(id, pending)
        pending.catch(() => known.delete(id))
      }
      const file = await pending
      signal.throwIfAborted()
      return file
    },
    forget: async (id) => {
      known.delete(id)
      await rm(path.join(dir, `${id}.ndjson`), { force: true })
    },
  }
}
