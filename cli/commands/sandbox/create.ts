import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { Refusal } from '../../exit-codes.ts'
import { fields } from '../../text/table.ts'
import {
  envFlag,
  jsonFlag,
  metadataFlag,
  pairs,
  persistentFlag,
  seconds,
  text,
  ttlFlag,
  wholeNumber,
} from '../flags.ts'

interface Flags {
  template?: string
  fromSnapshot?: string
  ttl?: number
  onTimeout?: 'delete' | 'hibernate'
  hibernateAfter?: number
  persistent: boolean
  env?: string[]
  metadata?: string[]
  cpu?: number
  memoryMb?: number
  json: boolean
}

export const createSandbox = buildCommand({
  docs: { brief: 'Make a sandbox from a template or a snapshot' },
  parameters: {
    flags: {
      template: { kind: 'parsed', parse: text, brief: 'What it is made from (agent)', optional: true },
      fromSnapshot: {
        kind: 'parsed',
        parse: text,
        brief: 'Id of the snapshot that it goes on from, memory and all',
        placeholder: 'id',
        optional: true,
      },
      ttl: ttlFlag,
      onTimeout: {
        kind: 'enum',
        values: ['delete', 'hibernate'],
        brief: 'What happens then (delete)',
        optional: true,
      },
      hibernateAfter: {
        kind: 'parsed',
        parse: seconds,
        brief: 'Hibernates after this time in which nothing was done in it (10m)',
        optional: true,
      },
      persistent: persistentFlag,
      env: envFlag,
      metadata: metadataFlag,
      cpu: { kind: 'parsed', parse: wholeNumber(1, 64), brief: 'Processors', optional: true },
      memoryMb: { kind: 'parsed', parse: wholeNumber(128, 262_144), brief: 'Memory in MiB', optional: true },
      json: jsonFlag,
    },
    aliases: { t: 'template', e: 'env', m: 'metadata' },
  },
  async func(this: Context, flags: Flags) {
    if (flags.template !== undefined && flags.fromSnapshot !== undefined)
      throw new Refusal('a snapshot has its template already: give --template or --from-snapshot')
    const client = await clientFor(this)
    const env = pairs(flags.env)
    const metadata = pairs(flags.metadata)
    const sandbox = await client.sandboxes.create(
      {
        ...(flags.fromSnapshot === undefined
          ? { template: flags.template ?? 'agent' }
          : { from_snapshot: flags.fromSnapshot }),
        ...(flags.onTimeout && { on_timeout: flags.onTimeout }),
        ...(flags.hibernateAfter !== undefined && { hibernate_after_seconds: flags.hibernateAfter }),
        ...(flags.ttl !== undefined && { ttl_seconds: flags.ttl }),
        ...(flags.persistent && { persistent: true }),
        ...(env && { env }),
        ...(metadata && { metadata }),
        ...(flags.cpu !== undefined && { cpu: flags.cpu }),
        ...(flags.memoryMb !== undefined && { memory_mb: flags.memoryMb }),
      },
      { signal: this.signal },
    )
    if (flags.json) return printJson(this, sandbox)
    // The id alone, so that `id=$(pandastack sandbox create)` works; the rest is for people.
    this.process.stdout.write(`${sandbox.id}\n`)
    if (this.process.stdout.isTTY) {
      const about = `${sandbox.template}, ${sandbox.cpu} CPU, ${sandbox.memory_mb} MiB, ${sandbox.tier}`
      this.process.stderr.write(fields([['made', `${about}, ${sandbox.boot_mode} in ${sandbox.boot_ms} ms`]]))
    }
  },
})
