// Modules that need each other to load. Type imports vanish at run time and are not counted.

import type { Facts } from '../facts.ts'
import type { Violation } from '../violation.ts'
import { target } from './edges.ts'

/** Each ring of files is reported once, at the import that closes it. */
export const cycles = (all: readonly Facts[]): Violation[] => {
  const byPath = new Map(all.map((facts) => [facts.path, facts]))
  const done = new Set<string>()
  const trail: string[] = []
  const found: Violation[] = []

  const visit = (facts: Facts): void => {
    trail.push(facts.path)
    for (const { specifier, line, typeOnly } of facts.imports) {
      const next = typeOnly ? undefined : byPath.get(target(facts.path, specifier) ?? '')
      if (!next || done.has(next.path)) continue
      const start = trail.indexOf(next.path)
      if (start === -1) visit(next)
      else {
        const ring = [...trail.slice(start), next.path].join(' -> ')
        found.push({ path: facts.path, line, rule: 'cycles', message: ring })
      }
    }
    trail.pop()
    done.add(facts.path)
  }
  for (const facts of all) if (!done.has(facts.path)) visit(facts)
  return found
}
