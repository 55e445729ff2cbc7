// What a module may take from around it without being handed it: the environment only in composition roots,
// child processes only through kit/process.

import type { Facts } from '../facts.ts'
import { isTest } from '../rooms.ts'
import type { Violation } from '../violation.ts'

/** Composition roots: the top of the two server rooms, the client's own programs, and tools. */
const mayReadEnvironment = (path: string): boolean =>
  isTest(path) ||
  /^(control-plane|host\/agent)\/[^/]+$/.test(path) ||
  /^(cli|bench|tools)\//.test(path) ||
  !path.includes('/')

/** `cli/up` starts the installation before anything of it, kit included, may be assumed. */
const maySpawn = (path: string): boolean => isTest(path) || /^(kit\/process|cli\/up|bench|tools)\//.test(path)

export const ambient = (all: readonly Facts[]): Violation[] =>
  all.flatMap(({ path, imports, environmentReads }) => {
    const found: Violation[] = []
    for (const line of mayReadEnvironment(path) ? [] : environmentReads) {
      found.push({ path, line, rule: 'environment', message: 'only composition roots read process.env' })
    }
    for (const { specifier, line } of maySpawn(path) ? [] : imports) {
      if (!/^(node:)?child_process$/.test(specifier)) continue
      found.push({
        path,
        line,
        rule: 'processes',
        message: 'child processes are started through kit/process only',
      })
    }
    return found
  })
