import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { jsonFlag, metadataFlag, nameFlag, pairs, sandboxArgument } from '../flags.ts'

interface Flags {
  name?: string
  metadata?: string[]
  json: boolean
}

export const createSnapshot = buildCommand({
  docs: { brief: 'Keep what a sandbox is now, memory and files, to make others from' },
  parameters: {
    flags: { name: nameFlag, metadata: metadataFlag, json: jsonFlag },
    aliases: { m: 'metadata' },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: Flags, id: string) {
    const { snapshots } = await clientFor(this)
    const metadata = pairs(flags.metadata)
    const made = await snapshots.create(
      id,
      { ...(flags.name !== undefined && { name: flags.name }), ...(metadata && { metadata }) },
      { signal: this.signal },
    )
    if (flags.json) printJson(this, made)
    else this.process.stdout.write(`${made.id}\n`)
  },
})
