// How every benchmark reports: nearest-rank percentiles over all samples, failures counted and never dropped.

/** Nearest rank: the smallest sample that at least `share` of all samples do not exceed. NaN without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export interface Row {
  name: string
  samplesMs: number[]
  failures: number
}

const cell = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(1)).padStart(9)

/** One line a row: p50, p95, p99, minimum, maximum in ms, how many succeeded, and the ratio of p50 to the first row's. */
export function printRows(rows: readonly Row[], base?: Row): void {
  console.log(
    `${''.padEnd(34)}${['p50', 'p95', 'p99', 'min', 'max'].map((name) => name.padStart(9)).join('')}   success  ratio`,
  )
  for (const row of rows) {
    const values = [
      percentile(row.samplesMs, 0.5),
      percentile(row.samplesMs, 0.95),
      percentile(row.samplesMs, 0.99),
      percentile(row.samplesMs, 0),
      percentile(row.samplesMs, 1),
    ]
    const total = row.samplesMs.length + row.failures
    const ratio = base ? (percentile(row.samplesMs, 0.5) / percentile(base.samplesMs, 0.5)).toFixed(2) : ''
    console.log(
      `${row.name.padEnd(34)}${values.map(cell).join('')}   ${row.samplesMs.length}/${total}  ${ratio.padStart(5)}`,
    )
  }
}

/**
 * Runs `task` and adds its time to the row, or counts its failure. What it made may be looked at afterwards, outside of
 * the time; what does not pass is a failure.
 */
export async function sample<Made>(
  row: Row,
  task: () => Promise<Made>,
  check: (made: Made) => Promise<void> | void = () => undefined,
): Promise<void> {
  const begun = performance.now()
  try {
    const made = await task()
    const tookMs = performance.now() - begun
    await check(made)
    row.samplesMs.push(tookMs)
  } catch (error) {
    row.failures++
    console.error(`${row.name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

export const newRow = (name: string): Row => ({ name, samplesMs: [], failures: 0 })
