// Structured log lines on stdout, one JSON object each. Keys and tokens never reach a line: callers log prefixes and ids.

import { pino } from 'pino'
import type { DestinationStream, Logger } from 'pino'

export type Log = Logger
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export const createLog = (options: {
  name: string
  level?: LogLevel
  destination?: DestinationStream
}): Log => {
  const settings = {
    name: options.name,
    level: options.level ?? 'info',
    base: { name: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: pino.stdSerializers.errWithCause },
  }
  return options.destination ? pino(settings, options.destination) : pino(settings)
}

/** A log that keeps nothing, for tests. */
export const silentLog = (): Log => pino({ level: 'silent' })
