import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { jsonFlag, text, wholeNumber } from '../flags.ts'

interface Flags {
  days?: number
  json: boolean
}

export const createToken = buildCommand({
  docs: { brief: 'Make an API key; it is shown this once' },
  parameters: {
    flags: {
      days: {
        kind: 'parsed',
        parse: wholeNumber(1, 3650),
        brief: 'Expires after so many days',
        optional: true,
      },
      json: jsonFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'What it is for', placeholder: 'label', parse: text }],
    },
  },
  async func(this: Context, flags: Flags, label: string) {
    const { tokens } = await clientFor(this)
    const made = await tokens.create({
      label,
      ...(flags.days !== undefined && { expires_in_days: flags.days }),
    })
    if (flags.json) printJson(this, made)
    else this.process.stdout.write(`${made.token}\n`)
  },
})
