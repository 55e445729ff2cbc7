import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { durationText } from '../../text/duration.ts'
import { table } from '../../text/table.ts'
import { jsonFlag } from '../flags.ts'

const head = ['ID', 'TEMPLATE', 'STATUS', 'TIER', 'AGE', 'ENDS IN']

export const listSandboxes = buildCommand({
  docs: { brief: 'List sandboxes, newest first' },
  parameters: { flags: { json: jsonFlag } },
  async func(this: Context, flags: { json: boolean }) {
    const sandboxes = await (await clientFor(this)).sandboxes.list()
    if (flags.json) return printJson(this, sandboxes)
    const now = Date.now()
    const rows = sandboxes.map((sandbox) => [
      sandbox.id,
      sandbox.template,
      sandbox.status,
      sandbox.tier,
      durationText(now - Date.parse(sandbox.created_at)),
      sandbox.expires_at === null ? 'never' : durationText(Date.parse(sandbox.expires_at) - now),
    ])
    this.process.stdout.write(table(head, rows))
  },
})
