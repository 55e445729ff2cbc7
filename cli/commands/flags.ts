// Flags and arguments that several commands have, and how their text is read.

import { Refusal } from '../exit-codes.ts'

export const jsonFlag = { kind: 'boolean', brief: 'Print JSON', default: false } as const

export const text = (input: string): string => input

/** `90`, `45s`, `15m`, `2h`, `7d` as seconds. */
export const seconds = (input: string): number => {
  const match = /^(\d{1,9})([smhd]?)$/.exec(input)
  const unit = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }[match?.[2] ?? '']
  if (!match || unit === undefined) throw new Refusal(`"${input}" is no time: write 90, 45s, 15m, 2h or 7d`)
  return Number(match[1]) * unit
}

/** Within the limits that the caller gives. */
export const wholeNumber =
  (least: number, most: number) =>
  (input: string): number => {
    const value = /^\d{1,12}$/.test(input) ? Number(input) : Number.NaN
    if (!(value >= least && value <= most))
      throw new Refusal(`"${input}" is no number from ${least} to ${most}`)
    return value
  }

/** Of a score: any decimal number. */
export const decimal = (input: string): number => {
  if (!/^-?\d{1,15}(\.\d{1,15})?$/.test(input)) throw new Refusal(`"${input}" is no number`)
  return Number(input)
}

/** `NAME=VALUE` pairs as a record; the value may hold further `=`. */
export const pairs = (inputs: readonly string[] | undefined): Record<string, string> | undefined => {
  if (inputs === undefined || inputs.length === 0) return undefined
  return Object.fromEntries(
    inputs.map((input) => {
      const at = input.indexOf('=')
      if (at < 1) throw new Refusal(`"${input}" is no pair: write NAME=VALUE`)
      return [input.slice(0, at), input.slice(at + 1)]
    }),
  )
}

export const ttlFlag = {
  kind: 'parsed',
  parse: seconds,
  brief: 'Ends after this time without use (15m, 2h)',
  optional: true,
} as const

export const persistentFlag = { kind: 'boolean', brief: 'Never ends by itself', default: false } as const

export const envFlag = {
  kind: 'parsed',
  parse: text,
  brief: 'NAME=VALUE for its commands',
  optional: true,
  variadic: true,
} as const

export const metadataFlag = {
  kind: 'parsed',
  parse: text,
  brief: 'NAME=VALUE to find it by',
  optional: true,
  variadic: true,
} as const

export const nameFlag = {
  kind: 'parsed',
  parse: text,
  brief: 'A name to find it by',
  optional: true,
} as const

export const fromFlag = {
  kind: 'parsed',
  parse: text,
  brief: 'Id of the sandbox or snapshot to compare with',
  placeholder: 'id',
  optional: true,
} as const

export const snapshotArgument = { brief: 'Id of the snapshot', placeholder: 'id', parse: text } as const
export const sandboxArgument = { brief: 'Id of the sandbox', placeholder: 'id', parse: text } as const
