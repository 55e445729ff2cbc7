// The sandboxes that are somebody's concern, in memory, so that the hot path asks no database.
//
// Owns the copies of rows (newest version wins) and the marks of use, which run ahead of the database. Entries are
// never replaced, only brought up to date, so holding one across an await is safe. Other processes' changes arrive by
// notification. An entry is dropped when its row is over and settled.

import type { Db, SandboxRow } from '@pandastack/db/schema.ts'
import type { DeclaredPort } from '@pandastack/db/tables/sandbox-ports.ts'
import { findSandbox, liveSandboxes } from '@pandastack/db/tables/sandboxes.ts'
import type { Clock } from '@pandastack/kit/clock/clock.ts'
import type { Seal } from '@pandastack/kit/seal/seal.ts'
import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import type { SnapshotFailure } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import { openSecrets } from './secrets.ts'
import type { Secrets } from './secrets.ts'

export interface Live {
  row: SandboxRow
  /** Of the row as it is. */
  secrets: Secrets
  /** Monotonic. */
  lastUsedMs: number
  /** Streams that are open; while there are any the sandbox is in use. */
  uses: number
  /** Highest intent that was sent or stored. */
  intent: number
  /** When the host will end the machine by itself, monotonic; null: not known. */
  hostExpiresMs: number | null
  /** The marks of use are not stored yet. */
  dirty: boolean
  /** A create of this process is working on it; repair keeps off. */
  busy: boolean
  /** Its create came to nothing but that could not be stored; repair ends it. */
  abandoned: boolean
  /** Its end has been decided; nobody may open it any more. */
  ending: boolean
  ports: DeclaredPort[] | null
  /** It is being woken or taken back; there is one such at a time. */
  bringing: Promise<unknown> | null
  saving: Promise<unknown> | null
  /** Why its host could not save it the last time. */
  saveFailure: SnapshotFailure | null
  /** When a program inside was last seen at work, monotonic; and by what that is told. */
  activeMs: number
  cpuSeconds: number | null
  /** When the last automatic checkpoint was begun, monotonic. */
  checkpointMs: number
  /** The host is being told of later use. */
  telling: Promise<void> | null
  shown: { version: number; sandbox: Sandbox } | null
}

export interface Registry {
  peek(id: string): Live | undefined
  /** From memory, else from the database; null when there is no such row. Rows that have ended are not kept. */
  find(id: string): Promise<Live | null>
  /** Takes a row as it was just stored or read. */
  put(row: SandboxRow): Live
  /** Somebody stored this version. */
  heard(id: string, version: number): Promise<void>
  /** Everything anew from the database, after notifications may have been missed. */
  reload(): Promise<void>
  all(): Iterable<Live>
  /** Resolves at the next change of that sandbox's row, or when the time is over. */
  changed(id: string, withinMs: number): Promise<void>
}

const isDone = (row: SandboxRow): boolean => row.deleted_at !== null && row.settled

export const createRegistry = (options: {
  db: Db
  clock: Clock
  seal: Seal
  onChange: (live: Live) => void
}): Registry => {
  const entries = new Map<string, Live>()
  const waiters = new Map<string, Set<() => void>>()

  const put = (row: SandboxRow): Live => {
    let live = entries.get(row.id)
    if (!live) {
      live = newEntry(row, openSecrets(options.seal, row), options.clock)
    } else if (row.version > live.row.version) {
      // Nobody can have used it before it ran.
      const isNew = live.row.status === 'creating' || live.row.machine_id !== row.machine_id
      if (isNew && row.status === 'running') markUsed(live, options.clock)
      if (row.sealed !== live.row.sealed) live.secrets = openSecrets(options.seal, row)
      live.row = row
      live.ports = null
      live.intent = Math.max(live.intent, row.intent)
      live.ending ||= row.deleted_at !== null
    } else {
      return live
    }
    if (isDone(live.row)) entries.delete(row.id)
    else entries.set(row.id, live)
    options.onChange(live)
    for (const wake of waiters.get(row.id) ?? []) wake()
    return live
  }

  const find = async (id: string): Promise<Live | null> => {
    const known = entries.get(id)
    if (known) return known
    const row = await findSandbox(options.db, id)
    return row ? put(row) : null
  }

  return {
    peek: (id) => entries.get(id),
    find,
    put,
    async heard(id, version) {
      const known = entries.get(id)
      if (known && known.row.version >= version) return
      const row = await findSandbox(options.db, id)
      if (row) put(row)
    },
    async reload() {
      const found = new Set<string>()
      for (const row of await liveSandboxes(options.db)) {
        found.add(row.id)
        put(row)
      }
      // Whatever is not among them any more has ended meanwhile and been settled by somebody else.
      for (const id of [...entries.keys()].filter((id) => !found.has(id))) {
        const row = await findSandbox(options.db, id)
        if (row) put(row)
        else entries.delete(id)
      }
    },
    all: () => entries.values(),
    changed(id, withinMs) {
      return new Promise((resolve) => {
        const set = waiters.get(id) ?? new Set()
        waiters.set(id, set)
        const wake = (): void => {
          clearTimeout(timer)
          set.delete(wake)
          if (set.size === 0) waiters.delete(id)
          resolve()
        }
        const timer = setTimeout(wake, withinMs)
        set.add(wake)
      })
    },
  }
}

export const markUsed = (live: Live, clock: Clock): void => {
  live.lastUsedMs = clock.monotonicMs()
  live.dirty = true
}

const newEntry = (row: SandboxRow, secrets: Secrets, clock: Clock): Live => ({
  row,
  secrets,
  lastUsedMs: clock.monotonicMs() - Math.max(0, clock.wallMs() - row.last_used_at.getTime()),
  uses: 0,
  intent: row.intent,
  hostExpiresMs: null,
  dirty: false,
  busy: false,
  abandoned: false,
  ending: row.deleted_at !== null,
  ports: null,
  bringing: null,
  saving: null,
  saveFailure: null,
  activeMs: -Infinity,
  cpuSeconds: null,
  checkpointMs: -Infinity,
  telling: null,
  shown: null,
})
