// Who may import whom. A room sees lower levels only; control plane and host meet at the wire, never in an import.

import { posix } from 'node:path'
import type { Facts, Import } from '../facts.ts'
import { isTest, pathOfImport, roomOf, type Room } from '../rooms.ts'
import type { Violation } from '../violation.ts'

/** Where an import leads, as a path from the root; undefined for packages of others. */
export const target = (from: string, specifier: string): string | undefined =>
  specifier.startsWith('.')
    ? posix.normalize(posix.join(posix.dirname(from), specifier))
    : pathOfImport(specifier)

const refusal = (from: Room, to: Room, test: boolean): string | undefined => {
  if (test)
    return to.folder === 'testing' || to.level < from.level ? undefined : 'even a test stays below its level'
  if (from.zone === 'client' && from.folder === 'sdk/typescript') {
    return to.folder === 'contracts' ? undefined : 'the SDK knows contracts only'
  }
  if (from.zone === 'client')
    return to.folder === 'sdk/typescript' ? undefined : 'it goes through the SDK only'
  if (to.level === from.level) return 'siblings never import each other'
  if (to.level > from.level) return `level ${from.level} does not see level ${to.level}`
  const zones = from.zone === 'workshop' || to.zone === 'both' || to.zone === from.zone
  return zones ? undefined : `${from.zone} and ${to.zone} meet at the wire only`
}

/** Installing and supervising is no client's work: `cli/up` is the composition root of a whole installation. */
const supervises = (path: string, to: Room): boolean => path.startsWith('cli/up/') && to.folder === 'kit'

const judge = (facts: Facts, item: Import): string | undefined => {
  const path = target(facts.path, item.specifier)
  if (path === undefined) {
    return item.specifier.startsWith('@pandastack/')
      ? `${item.specifier} is no room of this house`
      : undefined
  }
  const from = roomOf(facts.path)
  const to = roomOf(path)
  if (from?.folder === to?.folder) return undefined
  if (item.specifier.startsWith('.'))
    return `${item.specifier} leaves its room: import it by its package name`
  if (!from || !to || supervises(facts.path, to)) return undefined
  const reason = refusal(from, to, isTest(facts.path))
  return reason && `${from.folder} must not import ${to.folder}: ${reason}`
}

export const edges = (all: readonly Facts[]): Violation[] =>
  all.flatMap((facts) => {
    const found: Violation[] = []
    if (facts.path.includes('/') && !facts.path.startsWith('.') && !roomOf(facts.path)) {
      found.push({ path: facts.path, line: 1, rule: 'edges', message: 'lies in no room' })
    }
    for (const item of facts.imports) {
      const message = judge(facts, item)
      if (message) found.push({ path: facts.path, line: item.line, rule: 'edges', message })
    }
    return found
  })
