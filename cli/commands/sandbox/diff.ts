import { buildCommand } from '@stricli/core'
import { clientFor, type Context } from '../../context.ts'
import { showDiff } from '../../terminal/show-diff.ts'
import { fromFlag, jsonFlag, sandboxArgument } from '../flags.ts'

interface Flags {
  from?: string
  json: boolean
}

export const diffSandbox = buildCommand({
  docs: { brief: 'Show which files of a sandbox differ from those of its template, or of another' },
  parameters: {
    flags: { from: fromFlag, json: jsonFlag },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: Flags, id: string) {
    const client = await clientFor(this)
    showDiff(this, await client.sandboxes.diff(id, flags.from, { signal: this.signal }), flags.json)
  },
})
