// Text from callers that is going to be stored: Postgres keeps neither NUL nor half of a surrogate pair.

import { invalid } from './refusals.ts'

export const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed()

/** Throws unless every key and value can be stored and all of them together are within the limits. */
export const checkStorable = (
  what: string,
  entries: Record<string, string>,
  limits: { entries: number; bytes: number },
): void => {
  const pairs = Object.entries(entries)
  if (pairs.length > limits.entries) throw invalid(`${what} has more than ${limits.entries} entries`)
  let bytes = 0
  for (const [key, value] of pairs) {
    if (!isStorable(key) || !isStorable(value))
      throw invalid(`${what} has text that is not valid Unicode or has a NUL`)
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (bytes > limits.bytes) throw invalid(`${what} is longer than ${limits.bytes} bytes`)
}
