// Rows in columns. Pure.

// Text of a guest or another tenant reaches the operator's terminal: no control character may pass.
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '�')

/** Columns as wide as their widest cell, two spaces between, no spaces at the end of a line. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const all = [head, ...rows].map((row) => row.map(printable))
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return all.map((row) => `${line(row)}\n`).join('')
}

/** `name: value` lines with the values under each other. */
export const fields = (pairs: readonly (readonly [string, string])[]): string => {
  const width = Math.max(0, ...pairs.map(([name]) => name.length))
  return pairs
    .map(([name, value]) => `${`${name}:`.padEnd(width + 1)}  ${printable(value)}`.trimEnd() + '\n')
    .join('')
}
