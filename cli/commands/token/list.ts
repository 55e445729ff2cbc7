import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { table } from '../../text/table.ts'
import { jsonFlag } from '../flags.ts'

export const listTokens = buildCommand({
  docs: { brief: 'List API keys by their public prefix' },
  parameters: { flags: { json: jsonFlag } },
  async func(this: Context, flags: { json: boolean }) {
    const tokens = await (await clientFor(this)).tokens.list()
    if (flags.json) return printJson(this, tokens)
    const rows = tokens.map(({ prefix, label, created_at: made, expires_at: ends }) => [
      prefix,
      label,
      made,
      ends ?? 'never',
    ])
    this.process.stdout.write(table(['PREFIX', 'LABEL', 'CREATED', 'EXPIRES'], rows))
  },
})
