// What every clone has of its own and what it has from its parent, in 64 clones of one instant: the suite behind
// `doctor --restore` on an installation of its own. That each of its checks can fail is shown beside it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Check } from '@pandastack/cli/up/doctor/checks.ts'
import { checkRestores } from '@pandastack/cli/up/doctor/restore/check-restores.ts'
import { startInstallation, whyNot, type Installation } from './installation.ts'
import { createSandbox, listed, noLeaks, removeSandbox } from './sandboxes.ts'

const reason = await whyNot()
if (reason !== null) console.warn(`skipped: ${reason}`)

const clones = 64
const deadlineMs = 300_000

describe.skipIf(reason !== null)(`${clones} clones of one instant`, () => {
  let on: Installation
  let checks: Check[]
  beforeAll(async () => {
    // All children have to come within the time that a request has; half of their shells are made before it begins.
    on = await startInstallation({ shelfSize: clones / 2 })
    // The bake of the template is no part of what is tested here.
    await removeSandbox(on, (await createSandbox(on)).id)
    const signal = AbortSignal.timeout(deadlineMs)
    checks = await checkRestores({ url: on.api, key: on.key }, { clones, signal })
  })
  afterAll(async () => {
    await on?.[Symbol.asyncDispose]()
  })

  const good = (name: string): Check => {
    const found = checks.find((check) => check.name === name)
    expect(found).toMatchObject({ level: 'ok' })
    return found as Check
  }

  test('all of them come and do their part', () => {
    expect(good('clones').text).toContain(`${clones} of ${clones} came`)
  })

  test('no 16 bytes of the kernel occur twice in what programs read that were at it when they were cloned', () => {
    const reads = Number(good('getrandom').text.split(' ')[0])
    expect(reads).toBeGreaterThan(clones * 1000)
    good('uuid4')
  })

  test('programs draw numbers of their own if they ask to be told of a thaw, and are found cloned if not', () => {
    for (const name of ['python thaw', 'node thaw']) good(name)
    for (const name of ['python', 'node']) expect(good(name).text).toContain('cloned without')
  })

  test('each has a host name, machine id, boot id and generation of its own', () => good('identity'))

  test('their clocks are right, and time does not go backwards', () => good('clock'))

  test('the server that was started before answers in each, and says who it is now', () => good('listener'))

  test('connections to the outside are closed in each, those within go on', () => good('connections'))

  test('their parent goes on as if nothing had been', () => good('parent'))

  test('all of it is gone afterwards', async () => {
    expect(await listed(on)).toEqual([])
    await noLeaks(on)
    expect(await on.snapshots()).toEqual([])
    expect(checks.filter(({ level }) => level !== 'ok')).toEqual([])
  })
})
