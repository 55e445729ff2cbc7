// Inside core, shelves see only shelves that stand before them. The order is the line in ARCHITECTURE.md that starts
// with "Shelf order:", so that text and check cannot drift apart.

import type { Facts } from '../facts.ts'
import { isTest } from '../rooms.ts'
import type { Violation } from '../violation.ts'
import { target } from './edges.ts'

const shelfOf = (path: string): string | undefined => /^core\/([^/]+)\//.exec(path)?.[1]

/** Rank by shelf from a line such as "Shelf order: `events, hosts < templates < sandboxes`". */
export const shelfOrder = (architecture: string): Map<string, number> => {
  const line = /^Shelf order: `([^`]+)`/m.exec(architecture)?.[1] ?? ''
  const ranks = line.split('<').map((names) => names.split(',').map((name) => name.trim()))
  return new Map(
    ranks.flatMap((names, rank) => names.filter((name) => name !== '').map((name) => [name, rank])),
  )
}

const judge = (order: Map<string, number>, from: string, to: string): string | undefined => {
  if (from === to || to === 'ports') return undefined
  if (from === 'ports') return `core/ports must not import the shelf ${to}`
  const fromRank = order.get(from)
  const toRank = order.get(to)
  if (fromRank === undefined || toRank === undefined) return undefined
  return toRank < fromRank
    ? undefined
    : `the shelf ${from} must not import ${to}: it does not stand before it`
}

export const shelves = (all: readonly Facts[], architecture: string): Violation[] => {
  const order = shelfOrder(architecture)
  const found: Violation[] = []
  const seen = new Set<string>()
  for (const { path, imports } of all) {
    const from = shelfOf(path)
    if (from === undefined || isTest(path)) continue
    if (from !== 'ports' && !order.has(from) && !seen.has(from)) {
      seen.add(from)
      found.push({
        path,
        line: 1,
        rule: 'shelves',
        message: `the shelf ${from} is missing in ARCHITECTURE.md, "Shelf order:"`,
      })
    }
    for (const { specifier, line } of imports) {
      const to = shelfOf(target(path, specifier) ?? '')
      const message = to && judge(order, from, to)
      if (message) found.push({ path, line, rule: 'shelves', message })
    }
  }
  return found
}
