import { buildCommand } from '@stricli/core'
import { clientFor, type Context } from '../../context.ts'
import { exitCodes } from '../../exit-codes.ts'
import { snapshotArgument } from '../flags.ts'

export const deleteSnapshot = buildCommand({
  docs: { brief: 'Delete snapshots or checkpoints; what was made from them lives on' },
  parameters: { positional: { kind: 'array', parameter: snapshotArgument, minimum: 1 } },
  async func(this: Context, _flags: object, ...ids: string[]) {
    const { snapshots } = await clientFor(this)
    for (const id of ids) {
      try {
        await snapshots.remove(id)
        this.process.stdout.write(`${id}\n`)
      } catch (error) {
        // One that cannot be deleted is no reason to leave the others.
        this.process.stderr.write(`${id}: ${error instanceof Error ? error.message : String(error)}\n`)
        this.setExitCode(exitCodes.failed)
      }
    }
  },
})
