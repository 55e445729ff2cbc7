// Requests to the restorer, with a limit to the waiting. Giving up ends the waiting only: what was asked for goes on.

import { DriverError } from '@pandastack/driver/driver.ts'
import { failureOf } from './control.ts'
import type { Answer, Restorer, Verb } from './restorer.ts'

export interface Asked {
  /** Settles when the restorer has answered, however long that takes. */
  whole: Promise<Answer>
  /** The same, unless it takes too long. Rejects with a DriverError, or with the reason of the signal. */
  answer: Promise<Answer>
}

export interface AskOptions {
  signal: AbortSignal
  deadlineMs: number
  dir?: string
}

export const ask = (restorer: Restorer, verb: Verb, machineId: string, options: AskOptions): Asked => {
  const whole = restorer.ask(verb, machineId, options.dir)
  return { whole, answer: heard(whole, verb, options) }
}

const heard = async (whole: Promise<Answer>, verb: Verb, options: AskOptions): Promise<Answer> => {
  const { signal, deadlineMs } = options
  const { promise: given, reject } = Promise.withResolvers<never>()
  const late = new DriverError('deadline', `runsc ${verb} did not finish in time`)
  const timer = setTimeout(() => reject(late), deadlineMs)
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const said = whole.catch((error: unknown) => {
    throw failureOf(verb, error instanceof Error ? error.message : String(error))
  })
  try {
    return await Promise.race([given, said])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
