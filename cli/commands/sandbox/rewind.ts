import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { fields } from '../../text/table.ts'
import { jsonFlag, sandboxArgument, text, wholeNumber } from '../flags.ts'

interface Flags {
  to?: string
  name?: string
  steps?: number
  json: boolean
}

export const rewindSandbox = buildCommand({
  docs: {
    brief: 'Go back to a checkpoint, memory and files; what was done since is lost',
    fullDescription: 'Goes back to the newest checkpoint unless --to, --name or --steps says otherwise.',
  },
  parameters: {
    flags: {
      to: { kind: 'parsed', parse: text, brief: 'Id of a checkpoint or snapshot', optional: true },
      name: { kind: 'parsed', parse: text, brief: 'Name of a checkpoint', optional: true },
      steps: { kind: 'parsed', parse: wholeNumber(1, 1000), brief: 'So many checkpoints', optional: true },
      json: jsonFlag,
    },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: Flags, id: string) {
    const { sandboxes } = await clientFor(this)
    const done = await sandboxes.rewind(id, {
      ...(flags.to !== undefined && { snapshot_id: flags.to }),
      ...(flags.name !== undefined && { name: flags.name }),
      ...(flags.steps !== undefined && { steps: flags.steps }),
    })
    if (flags.json) printJson(this, done)
    else
      this.process.stdout.write(
        fields([
          ['rewound to', done.snapshot_id],
          ['took', `${Math.round(done.took_ms)} ms`],
        ]),
      )
  },
})
