import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { fields } from '../../text/table.ts'
import { jsonFlag, pairs, seconds, text, wholeNumber } from '../flags.ts'

interface Flags {
  template: string
  ttl?: number
  persistent: boolean
  env?: string[]
  metadata?: string[]
  cpu?: number
  memoryMb?: number
  json: boolean
}

export const createSandbox = buildCommand({
  docs: { brief: 'Make a sandbox from a template' },
  parameters: {
    flags: {
      template: { kind: 'parsed', parse: text, brief: 'What it is made from', default: 'agent' },
      ttl: {
        kind: 'parsed',
        parse: seconds,
        brief: 'Ends after this time without use (15m, 2h)',
        optional: true,
      },
      persistent: { kind: 'boolean', brief: 'Never ends by itself', default: false },
      env: {
        kind: 'parsed',
        parse: text,
        brief: 'NAME=VALUE for its commands',
        optional: true,
        variadic: true,
      },
      metadata: {
        kind: 'parsed',
        parse: text,
        brief: 'NAME=VALUE to find it by',
        optional: true,
        variadic: true,
      },
      cpu: { kind: 'parsed', parse: wholeNumber(1, 64), brief: 'Processors', optional: true },
      memoryMb: { kind: 'parsed', parse: wholeNumber(128, 262_144), brief: 'Memory in MiB', optional: true },
      json: jsonFlag,
    },
    aliases: { t: 'template', e: 'env', m: 'metadata' },
  },
  async func(this: Context, flags: Flags) {
    const client = await clientFor(this)
    const env = pairs(flags.env)
    const metadata = pairs(flags.metadata)
    const sandbox = await client.sandboxes.create(
      {
        template: flags.template,
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
