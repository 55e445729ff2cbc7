import { buildCommand } from '@stricli/core'
import { clientFor, type Context } from '../../context.ts'
import { exitCodes } from '../../exit-codes.ts'
import { sandboxArgument } from '../flags.ts'

export const deleteSandbox = buildCommand({
  docs: { brief: 'End sandboxes and everything in them' },
  parameters: { positional: { kind: 'array', parameter: sandboxArgument, minimum: 1 } },
  async func(this: Context, _flags: object, ...ids: string[]) {
    const client = await clientFor(this)
    for (const id of ids) {
      try {
        await client.sandboxes.remove(id)
        this.process.stdout.write(`${id}\n`)
      } catch (error) {
        // One that cannot be ended is no reason to leave the others.
        this.process.stderr.write(`${id}: ${error instanceof Error ? error.message : String(error)}\n`)
        this.setExitCode(exitCodes.failed)
      }
    }
  },
})
