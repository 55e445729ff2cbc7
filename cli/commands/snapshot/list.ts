import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { snapshotTable } from '../../text/snapshots.ts'
import { jsonFlag, text } from '../flags.ts'

interface Flags {
  sandbox?: string
  json: boolean
}

export const listSnapshots = buildCommand({
  docs: { brief: 'List snapshots, newest first' },
  parameters: {
    flags: {
      sandbox: {
        kind: 'parsed',
        parse: text,
        brief: 'Only those of this sandbox',
        placeholder: 'id',
        optional: true,
      },
      json: jsonFlag,
    },
  },
  async func(this: Context, flags: Flags) {
    const { snapshots } = await clientFor(this)
    const found = await snapshots.list(flags.sandbox === undefined ? {} : { sandboxId: flags.sandbox })
    if (flags.json) printJson(this, found)
    else this.process.stdout.write(snapshotTable(found, Date.now()))
  },
})
