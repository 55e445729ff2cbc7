// What a module may take from around it without being handed it: the environment only in composition roots,
// child processes only through kit/process.

import type { Facts } from '../facts.ts'
import { isTest, roomOf } from '../rooms.ts'
import type { Violation } from '../violation.ts'

/** Composition roots: the top of the two server rooms, any room's own program, and what people start by hand. */
const mayReadEnvironment = (path: string): boolean =>
  isTest(path) ||
  /^(control-plane|host\/agent)\/[^/]+$/.test(path) ||
  path === `${roomOf(path)?.folder}/main.ts` ||
  /^(cli|bench|tools)\//.test(path) ||
  !path.includes('/')

/** Beside kit itself: what starts the installation, and what measures or checks it from outside. */
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
