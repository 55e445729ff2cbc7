// How many tests passed, failed and were skipped, read out of what the runners report. Pure.

export interface Tally {
  passed: number
  failed: number
  skipped: number
  /** Name and message of each failed test. */
  failures: { name: string; message: string }[]
  skips: string[]
}

export const emptyTally = (): Tally => ({ passed: 0, failed: 0, skipped: 0, failures: [], skips: [] })

export const sumOf = (tallies: readonly Tally[]): Tally =>
  tallies.reduce(
    (sum, { passed, failed, skipped, failures, skips }) => ({
      passed: sum.passed + passed,
      failed: sum.failed + failed,
      skipped: sum.skipped + skipped,
      failures: [...sum.failures, ...failures],
      skips: [...sum.skips, ...skips],
    }),
    emptyTally(),
  )

export const closingLine = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

export const failedTally = (name: string, message: string): Tally => ({
  ...emptyTally(),
  failed: 1,
  failures: [{ name, message }],
})

interface GoEvent {
  Action: string
  Package?: string
  Test?: string
  Output?: string
}

const goEvents = (output: string): GoEvent[] =>
  output.split('\n').flatMap((line) => {
    try {
      const event = JSON.parse(line) as GoEvent
      return typeof event.Action === 'string' ? [event] : []
    } catch {
      // What the compiler says is not JSON.
      return []
    }
  })

/** From `go test -json`. A test with parts counts by its parts; a package that does not build counts as one failure. */
export const goTally = (output: string): Tally => {
  const tally = emptyTally()
  const said = new Map<string, string>()
  const ended = new Map<string, GoEvent>()
  for (const event of goEvents(output)) {
    const key = `${event.Package} ${event.Test ?? ''}`.trim()
    if (event.Action === 'output') said.set(key, (said.get(key) ?? '') + (event.Output ?? ''))
    else if (['pass', 'fail', 'skip'].includes(event.Action)) ended.set(key, event)
  }
  const names = [...ended.keys()]
  const failedPackages = new Map<string, boolean>()
  for (const [key, { Action: action, Package: pack = '', Test: test }] of ended) {
    if (test === undefined) {
      if (action === 'fail') failedPackages.set(pack, failedPackages.get(pack) ?? false)
      continue
    }
    if (names.some((name) => name.startsWith(`${key}/`))) continue
    if (action === 'pass') tally.passed += 1
    else if (action === 'skip') {
      tally.skipped += 1
      const why = (said.get(key) ?? '')
        .split('\n')
        .map((line) => line.trim())
        .find((line) => /\.go:\d+: /.test(line))
      tally.skips.push(`${key}: ${why?.replace(/^.*?\.go:\d+: /, '') ?? 'no reason given'}`)
    } else {
      tally.failed += 1
      failedPackages.set(pack, true)
      tally.failures.push({ name: key, message: said.get(key) ?? '' })
    }
  }
  for (const [pack, explained] of failedPackages) {
    if (explained) continue
    tally.failed += 1
    tally.failures.push({ name: pack, message: said.get(pack) ?? 'it does not build' })
  }
  return tally
}

interface VitestReport {
  testResults: {
    name: string
    status: string
    message?: string
    assertionResults: { status: string; fullName: string; failureMessages?: string[] | null }[]
  }[]
}

/** From vitest's JSON report. A file that cannot be loaded counts as one failure. */
export const vitestTally = (json: string, checkout: string): Tally => {
  const tally = emptyTally()
  for (const file of (JSON.parse(json) as VitestReport).testResults) {
    const path = file.name.startsWith(`${checkout}/`) ? file.name.slice(checkout.length + 1) : file.name
    let failures = 0
    for (const { status, fullName, failureMessages } of file.assertionResults) {
      const name = `${path}: ${fullName}`
      if (status === 'passed') tally.passed += 1
      else if (status === 'failed') {
        failures += 1
        tally.failures.push({ name, message: (failureMessages ?? []).join('\n') })
      } else {
        tally.skipped += 1
        tally.skips.push(name)
      }
    }
    if (failures === 0 && file.status === 'failed') {
      failures = 1
      tally.failures.push({ name: path, message: file.message ?? 'it could not be loaded' })
    }
    tally.failed += failures
  }
  return tally
}
