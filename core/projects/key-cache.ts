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
const entriesMax = 10_000
const keyForm = /^pds_[0-9a-f]{32}$/

interface Entry {
  row: TokenRow | null
  fetchedMs: number
  fetching: Promise<TokenRow | null> | null
}

export const hashOfKey = (key: string): string => createHash('sha256').update(key).digest('hex')

export const createKeyCache = (db: Db, clock: Clock): KeyCache => {
  const entries = new Map<string, Entry>()
  const used = new Set<string>()

  const fetch = (hash: string): Promise<TokenRow | null> => {
    const known = entries.get(hash)
    if (known?.fetching) return known.fetching
    const entry: Entry = known ?? { row: null, fetchedMs: -Infinity, fetching: null }
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
    } catch (error) {
      const ageMs = clock.monotonicMs() - entry.fetchedMs
      if (!isUnavailable(error) || entry.row === null || ageMs > goodInOutageMs) throw error
    } finally {
      entry.fetching = null
    }
    return entry.row
  }

  const current = async (hash: string): Promise<TokenRow | null> => {
    const entry = entries.get(hash)
    const ageMs = entry ? clock.monotonicMs() - entry.fetchedMs : Infinity
    if (!entry || ageMs > goodMs) return fetch(hash)
    if (ageMs > renewMs) fetch(hash).catch(() => {})
    return entry.row
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
