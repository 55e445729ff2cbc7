import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { snapshotTable } from '../../text/snapshots.ts'
import { jsonFlag, sandboxArgument } from '../flags.ts'

export const listCheckpoints = buildCommand({
  docs: { brief: 'List what a sandbox can be rewound to, newest first' },
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: { json: boolean }, id: string) {
    const found = await (await clientFor(this)).checkpoints.list(id)
    if (flags.json) printJson(this, found)
    else this.process.stdout.write(snapshotTable(found, Date.now()))
  },
})
