// Percentiles of measured times, and lines to print them. Pure.

export interface Figure {
  step: string
  samples: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  maxMs: number
}

/** Nearest rank: always a time that was really measured. */
const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN

export const figureOf = (step: string, timesMs: readonly number[]): Figure => {
  const sorted = [...timesMs].sort((a, b) => a - b)
  return {
    step,
    samples: sorted.length,
    p50Ms: percentile(sorted, 0.5),
    p95Ms: percentile(sorted, 0.95),
    p99Ms: percentile(sorted, 0.99),
    maxMs: percentile(sorted, 1),
  }
}

const columns = ['p50', 'p95', 'p99', 'max', 'n'] as const

const ms = (value: number): string => value.toFixed(2)

export const printable = (figures: readonly Figure[]): string => {
  const width = Math.max(4, ...figures.map(({ step }) => step.length))
  const line = (step: string, cells: readonly string[]): string =>
    `${step.padEnd(width)}${cells.map((cell) => cell.padStart(10)).join('')}`
  return [
    line('ms', columns),
    ...figures.map(({ step, samples, p50Ms, p95Ms, p99Ms, maxMs }) =>
      line(step, [...[p50Ms, p95Ms, p99Ms, maxMs].map(ms), String(samples)]),
    ),
  ].join('\n')
}
