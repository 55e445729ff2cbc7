// Refusals that several verbs share, and the translation of faults beneath core into what a caller is told.

import { PandaError } from '@pandastack/contracts/errors.ts'
import { isUnavailable } from '@pandastack/db/errors.ts'
import { HostRefused, HostUnreachable } from './ports/host-port.ts'

/** Absent, ended and foreign look alike. */
export const notFound = (): PandaError => new PandaError('not_found', 'not found')

export const invalid = (message: string): PandaError => new PandaError('invalid_request', message)

export const conflict = (message: string): PandaError => new PandaError('conflict', message)

export const noCapacity = (message: string): PandaError =>
  new PandaError('no_capacity', message, { retryAfterSeconds: 5 })

export const hostAway = (cause: unknown): PandaError =>
  new PandaError('unavailable', 'the sandbox host does not answer', { cause, retryAfterSeconds: 5 })

/** The error for the caller: outages become `unavailable`, everything else stays what it is. */
export const forCaller = (error: unknown): unknown => {
  if (error instanceof PandaError) return error
  if (error instanceof HostUnreachable) return hostAway(error)
  if (error instanceof HostRefused && error.status >= 500)
    return new PandaError('unavailable', 'the sandbox host is in trouble', {
      cause: error,
      retryAfterSeconds: 5,
    })
  if (isUnavailable(error))
    return new PandaError('unavailable', 'the database does not answer', {
      cause: error,
      retryAfterSeconds: 2,
    })
  return error
}
