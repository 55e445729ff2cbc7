// How attempts are judged: pure.

import type { AttemptOutcome, AttemptsRequest } from '@pandastack/contracts/http/snapshots.ts'

/** The last number that was printed; null when none was. */
export const lastNumber = (text: string): number | null => {
  const found = text.match(/[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/g)?.at(-1)
  const value = found === undefined ? Number.NaN : Number(found)
  return Number.isFinite(value) ? value : null
}

const better = (a: AttemptOutcome, b: AttemptOutcome): boolean => {
  const [ofA, ofB] = [a.score ?? -Infinity, b.score ?? -Infinity]
  if (ofA !== ofB) return ofA > ofB
  return a.duration_ms !== b.duration_ms ? a.duration_ms < b.duration_ms : a.index < b.index
}

/** Of those that succeeded the one with the best score, the quicker one of equals; with `first_success` the first to end. */
export const best = (
  outcomes: readonly AttemptOutcome[],
  stop: AttemptsRequest['stop'],
): AttemptOutcome | null => {
  const good = outcomes.filter(({ state }) => state === 'succeeded')
  if (stop === 'first_success') return good[0] ?? null
  return good.reduce<AttemptOutcome | null>((a, b) => (a === null || better(b, a) ? b : a), null)
}

/** Whether the search is over after this outcome. */
export const isEnough = (outcome: AttemptOutcome, request: AttemptsRequest): boolean => {
  if (outcome.state !== 'succeeded') return false
  if (request.stop === 'first_success') return true
  const { stop, score_enough: enough } = request
  return stop === 'best_score' && enough !== undefined && (outcome.score ?? -Infinity) >= enough
}
