import { buildCommand } from '@stricli/core'
import { clientFor, type Context } from '../../context.ts'
import { text } from '../flags.ts'

export const revokeToken = buildCommand({
  docs: { brief: 'Revoke an API key' },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Its prefix, as `token list` shows it', placeholder: 'prefix', parse: text }],
    },
  },
  async func(this: Context, _flags: object, prefix: string) {
    await (await clientFor(this)).tokens.revoke(prefix)
    this.process.stdout.write(`${prefix}\n`)
  },
})
