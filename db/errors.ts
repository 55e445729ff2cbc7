// Which database errors mean "not now" rather than "wrong".

const unavailableStates = /^(08|57P0|53)/
const unavailableCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EACCES'])
const unavailableTexts =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Cannot use a pool after calling end/

/** Postgres cannot be reached, is starting, stopping, or out of connections. */
export const isUnavailable = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return unavailableStates.test(code) || unavailableCodes.has(code) || unavailableTexts.test(error.message)
}

/** A row with this key exists already. */
export const isDuplicate = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23505'
