// Who is behind an API key, remembered for a second. Steady traffic never waits for the database: a remembered answer
// is renewed in the background once it is half a second old. While the database is away, an answer stays good for
// some minutes, because a key cannot be revoked then either. Memory is bounded; the oldest go first.

import { createHash, timingSafeEqual } from 'node:crypto'
import { isUnavailable } from '@pandastack/db/errors.ts'
import { findTokenByHash, markTokensUsed } from '@pandastack/db/tables/tokens.ts'
import type { Db, TokenRow } from '@pandastack/db/schema.ts'
import type { Clock } from '@pandastack/kit/clock/clock.ts'

export interface KeyCache {
  find(key: string): Promise<TokenRow | null>
  /** Forgets everything, after a key was revoked here. */
  clear(): void
  /** Writes back which keys were used. */
  flush(): Promise<void>
}

const goodMs = 1000
const renewMs = 500
const goodInOutageMs = 300_000
const patienceMs = 1000
const entriesMax = 10_000
const keyForm = /^pds_[0-9a-f]{32}$/

interface Entry {
  row: TokenRow | null
  fetchedMs: number
  fetching: Promise<TokenRow | null> | null
  /** The database did not answer the last time. */
  failing: boolean
}

export const hashOfKey = (key: string): string => createHash('sha256').update(key).digest('hex')

export const createKeyCache = (db: Db, clock: Clock): KeyCache => {
  const entries = new Map<string, Entry>()
  const used = new Set<string>()

  const fetch = (hash: string): Promise<TokenRow | null> => {
    const known = entries.get(hash)
    if (known?.fetching) return known.fetching
    const entry: Entry = known ?? { row: null, fetchedMs: -Infinity, fetching: null, failing: false }
    entry.fetching = load(hash, entry)
    entries.delete(hash)
    entries.set(hash, entry)
    const oldest = entries.size > entriesMax ? entries.keys().next().value : undefined
    if (oldest !== undefined) entries.delete(oldest)
    return entry.fetching
  }

  const load = async (hash: string, entry: Entry): Promise<TokenRow | null> => {
    try {
      const row = await findTokenByHash(db, hash)
      // The comparison that counts takes the same time for every wrong key.
      entry.row = row && timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash)) ? row : null
      entry.fetchedMs = clock.monotonicMs()
      entry.failing = false
      return entry.row
    } catch (error) {
      entry.failing = isUnavailable(error)
      if (!entry.failing || !isGoodInOutage(entry)) throw error
      return entry.row
    } finally {
      entry.fetching = null
    }
  }

  const isGoodInOutage = (entry: Entry): boolean =>
    entry.row !== null && clock.monotonicMs() - entry.fetchedMs < goodInOutageMs

  const current = async (hash: string): Promise<TokenRow | null> => {
    const entry = entries.get(hash)
    if (!entry) return fetch(hash)
    const ageMs = clock.monotonicMs() - entry.fetchedMs
    if (ageMs <= renewMs) return entry.row
    const fetching = fetch(hash)
    if (ageMs <= goodMs || (entry.failing && isGoodInOutage(entry))) {
      fetching.catch(() => {})
      return entry.row
    }
    return isGoodInOutage(entry) ? withPatience(fetching, entry) : fetching
  }

  /** A database that hangs is as good as one that is away. */
  const withPatience = async (fetching: Promise<TokenRow | null>, entry: Entry): Promise<TokenRow | null> => {
    let timer: NodeJS.Timeout | undefined
    const outOfPatience = new Promise<TokenRow | null>((resolve) => {
      timer = setTimeout(() => {
        entry.failing = true
        resolve(entry.row)
      }, patienceMs)
    })
    try {
      return await Promise.race([fetching, outOfPatience])
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async find(key) {
      if (!keyForm.test(key)) return null
      const row = await current(hashOfKey(key))
      if (!row || (row.expires_at && row.expires_at.getTime() <= clock.wallMs())) return null
      used.add(row.prefix)
      return row
    },
    clear: () => entries.clear(),
    async flush() {
      if (used.size === 0) return
      const prefixes = [...used]
      used.clear()
      await markTokensUsed(db, prefixes)
    },
  }
}
