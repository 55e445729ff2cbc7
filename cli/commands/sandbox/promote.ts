import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { exitCodes } from '../../exit-codes.ts'
import { fields } from '../../text/table.ts'
import { jsonFlag, sandboxArgument } from '../flags.ts'

interface Flags {
  cleanup: boolean
  takeOver: boolean
  json: boolean
}

export const promoteSandbox = buildCommand({
  docs: { brief: 'Make a fork a sandbox of its own, or put it in the place of its parent' },
  parameters: {
    flags: {
      cleanup: { kind: 'boolean', brief: 'Delete its siblings', default: false },
      takeOver: {
        kind: 'boolean',
        brief: 'Its parent becomes what it is, under the id of the parent; its own id ends',
        default: false,
      },
      json: jsonFlag,
    },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: Flags, id: string) {
    const { forks } = await clientFor(this)
    const done = await forks.promote(id, { cleanup_siblings: flags.cleanup, take_over: flags.takeOver })
    if (flags.json) printJson(this, done)
    else
      this.process.stdout.write(
        fields([
          ['winner', done.winner],
          ['tree', done.tree_id],
          ...done.deleted.map((sibling) => ['deleted', sibling] as const),
        ]),
      )
    for (const [sibling, reason] of Object.entries(done.failures))
      this.process.stderr.write(`${sibling}: ${reason}\n`)
    if (Object.keys(done.failures).length > 0) this.setExitCode(exitCodes.failed)
  },
})
