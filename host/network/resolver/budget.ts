// How many questions each client may still ask: a bucket that refills with time, and a count of those under way.
// Bounded by the number of clients, which the caller bounds.

import type { Clock } from '@pandastack/kit/clock/clock.ts'

export interface Budget {
  /** True if the client may ask one more now; then `done` must follow. */
  start(client: number): boolean
  done(client: number): void
  readonly underWay: number
}

export interface BudgetLimits {
  perSecond: number
  burst: number
  underWayPerClient: number
  underWay: number
}

interface Account {
  tokens: number
  atMs: number
  underWay: number
}

export const createBudget = (limits: BudgetLimits, clock: Clock): Budget => {
  const accounts = new Map<number, Account>()
  let underWay = 0
  return {
    start(client) {
      const nowMs = clock.monotonicMs()
      const account = accounts.get(client) ?? { tokens: limits.burst, atMs: nowMs, underWay: 0 }
      accounts.set(client, account)
      const earned = ((nowMs - account.atMs) * limits.perSecond) / 1000
      account.tokens = Math.min(limits.burst, account.tokens + earned)
      account.atMs = nowMs
      if (account.tokens < 1 || account.underWay >= limits.underWayPerClient || underWay >= limits.underWay)
        return false
      account.tokens -= 1
      account.underWay += 1
      underWay += 1
      return true
    },
    done(client) {
      const account = accounts.get(client)
      if (!account || account.underWay === 0) return
      account.underWay -= 1
      underWay -= 1
    },
    get underWay() {
      return underWay
    },
  }
}
