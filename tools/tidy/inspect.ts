// One pass over a checkout: reads, parses, applies every rule. Owns nothing; fails only if the root cannot be read.

import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { factsOf, type Facts } from './facts.ts'
import { listFiles } from './files.ts'
import { ambient } from './rules/ambient.ts'
import { cycles } from './rules/cycles.ts'
import { dependencies } from './rules/dependencies.ts'
import { edges } from './rules/edges.ts'
import { names } from './rules/names.ts'
import { references } from './rules/references.ts'
import { shelves } from './rules/shelves.ts'
import { medianLines, sizes } from './rules/sizes.ts'
import { words } from './rules/words.ts'
import type { Violation } from './violation.ts'

export interface Findings {
  violations: Violation[]
  codeFiles: number
  medianLines: number
}

const unreadable = ({ path, parseError }: Facts): Violation[] =>
  parseError === undefined ? [] : [{ path, line: 1, rule: 'syntax', message: parseError }]

export const inspect = (root: string): Findings => {
  const listing = listFiles(root)
  const read = (path: string): string => readFileSync(join(root, path), 'utf8')
  const all = listing.code.map((path) => factsOf(path, read(path)))
  const exists = (path: string): boolean => existsSync(join(root, path))
  const document = (path: string): string => (exists(path) ? read(path) : '')
  const manifests = listing.text.filter((path) => posix.basename(path) === 'package.json')
  // A checker that read nothing has proved nothing.
  const empty = { path: '.', line: 0, rule: 'files', message: 'no source file was read' }
  const violations = [
    ...(all.length === 0 ? [empty] : []),
    ...all.flatMap(unreadable),
    ...[edges, sizes, names, ambient, cycles].flatMap((rule) => rule(all)),
    ...shelves(all, document('ARCHITECTURE.md')),
    ...manifests.flatMap((path) => dependencies(path, read(path), document('README.md'))),
    ...listing.text.flatMap((path) => [...words(path, read(path)), ...references(path, read(path), exists)]),
  ]
  return { violations, codeFiles: all.length, medianLines: medianLines(all) }
}
