// Length of files and functions, and the median that keeps the whole readable.

import type { Facts } from '../facts.ts'
import { isTest } from '../rooms.ts'
import type { Violation } from '../violation.ts'

export const limits = { fileLines: 400, functionLines: 70, medianLines: 100 } as const

/** Median length of the files that are not tests. */
export const medianLines = (all: readonly Facts[]): number => {
  const lengths = all.filter(({ path }) => !isTest(path)).map(({ lineCount }) => lineCount)
  lengths.sort((a, b) => a - b)
  return lengths[Math.floor(lengths.length / 2)] ?? 0
}

export const sizes = (all: readonly Facts[]): Violation[] => {
  const found: Violation[] = []
  for (const { path, lineCount, functions } of all) {
    if (lineCount > limits.fileLines) {
      found.push({ path, line: 1, rule: 'sizes', message: `${lineCount} lines, limit ${limits.fileLines}` })
    }
    for (const { name, line, lineCount } of functions) {
      if (lineCount <= limits.functionLines) continue
      found.push({
        path,
        line,
        rule: 'sizes',
        message: `${name} has ${lineCount} lines, limit ${limits.functionLines}`,
      })
    }
  }
  const median = medianLines(all)
  if (median > limits.medianLines) {
    found.push({
      path: '.',
      line: 0,
      rule: 'sizes',
      message: `median file has ${median} lines, limit ${limits.medianLines}`,
    })
  }
  return found
}
