// The conformance suite: what every driver promises in `driver.ts`, as tests. A driver's own test file calls this with a
// subject of its own; nothing here knows any driver.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest'
import type { Snapshot } from '../values.ts'
import { abortTests } from './aborts.ts'
import { base, type Bench } from './bench.ts'
import { captureTests } from './captures.ts'
import { changesTests } from './changes.ts'
import { errorTests } from './errors.ts'
import { killTests } from './kills.ts'
import { createLab, type Lab } from './lab.ts'
import { pauseTests } from './pauses.ts'
import { recoverTests } from './recovers.ts'
import { restoreTests } from './restores.ts'
import { shellTests } from './shells.ts'
import type { Subject } from './subject.ts'

export const describeDriver = (name: string, makeSubject: () => Promise<Subject>): void => {
  describe(`the ${name} driver keeps its promises:`, () => {
    let subject: Subject
    let lab: Lab
    let snapshot: Snapshot
    const bench: Bench = {
      get lab() {
        return lab
      },
      get snapshot() {
        return snapshot
      },
    }
    beforeAll(async () => {
      subject = await makeSubject()
      await using first = await createLab(subject)
      const machine = await first.booted()
      for (let count = 1; count <= base.count; count++) expect(await first.talk(machine).count()).toBe(count)
      await first.talk(machine).write(base.path, base.text)
      snapshot = await first.captured(machine)
    })
    beforeEach(async () => {
      lab = await createLab(subject)
    })
    afterEach(async () => {
      await lab[Symbol.asyncDispose]()
      expect(await lab.driver.strays([])).toEqual([])
    })
    afterAll(() => subject?.[Symbol.asyncDispose]())

    for (const tests of [shellTests, restoreTests, captureTests, pauseTests, killTests]) tests(bench)
    for (const tests of [recoverTests, abortTests, errorTests, changesTests]) tests(bench)
  })
}
