import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { exitCodes } from '../../exit-codes.ts'
import { fields } from '../../text/table.ts'
import {
  envFlag,
  jsonFlag,
  metadataFlag,
  pairs,
  persistentFlag,
  sandboxArgument,
  ttlFlag,
  wholeNumber,
} from '../flags.ts'

interface Flags {
  count?: number
  tree: boolean
  ttl?: number
  persistent: boolean
  env?: string[]
  metadata?: string[]
  json: boolean
}

export const forkSandbox = buildCommand({
  docs: {
    brief: 'Make sandboxes that go on from where this one is, memory and files; it goes on as well',
    fullDescription:
      'Prints the ids of the children. With --tree they are siblings of one tree, of which `sandbox promote --cleanup` ' +
      'keeps one.',
  },
  parameters: {
    flags: {
      count: {
        kind: 'parsed',
        parse: wholeNumber(1, 100),
        brief: 'Children (1, 2 with --tree)',
        optional: true,
      },
      tree: { kind: 'boolean', brief: 'As siblings of one tree', default: false },
      ttl: ttlFlag,
      persistent: persistentFlag,
      env: envFlag,
      metadata: metadataFlag,
      json: jsonFlag,
    },
    aliases: { n: 'count', e: 'env', m: 'metadata' },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: Flags, id: string) {
    const { forks } = await clientFor(this)
    const env = pairs(flags.env)
    const metadata = pairs(flags.metadata)
    const wish = {
      ...(flags.count !== undefined && { count: flags.count }),
      ...(flags.ttl !== undefined && { ttl_seconds: flags.ttl }),
      ...(flags.persistent && { persistent: true }),
      ...(env && { env }),
      ...(metadata && { metadata }),
    }
    const { signal } = this
    const made = flags.tree ? await forks.tree(id, wish, { signal }) : await forks.fork(id, wish, { signal })
    if (flags.json) printJson(this, made)
    else
      for (const child of made.children)
        this.process.stdout.write(`${typeof child === 'string' ? child : child.id}\n`)
    for (const { index, error } of made.errors) this.process.stderr.write(`child ${index}: ${error}\n`)
    if (made.errors.length > 0) this.setExitCode(exitCodes.failed)
    if (this.process.stdout.isTTY && !flags.json)
      this.process.stderr.write(
        fields([
          ...('tree_id' in made ? [['tree', made.tree_id] as const] : []),
          ['parent', `stood still for ${Math.round(made.pause_ms)} ms`],
        ]),
      )
  },
})
