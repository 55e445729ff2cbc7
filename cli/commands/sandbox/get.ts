import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { fields } from '../../text/table.ts'
import { jsonFlag, sandboxArgument } from '../flags.ts'

export const getSandbox = buildCommand({
  docs: { brief: 'Show one sandbox' },
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: { json: boolean }, id: string) {
    const sandbox = await (await clientFor(this)).sandboxes.get(id)
    if (flags.json) return printJson(this, sandbox)
    const metadata = Object.entries(sandbox.metadata).map(([name, value]) => `${name}=${value}`)
    this.process.stdout.write(
      fields([
        ['id', sandbox.id],
        ['template', sandbox.template],
        ...(sandbox.from_snapshot === '' ? [] : [['snapshot', sandbox.from_snapshot] as const]),
        ['status', sandbox.failure === null ? sandbox.status : `${sandbox.status}: ${sandbox.failure}`],
        ['isolation', `${sandbox.tier} (${sandbox.isolation})`],
        ['size', `${sandbox.cpu} CPU, ${sandbox.memory_mb} MiB memory, ${sandbox.disk_mb} MiB disk`],
        ['address', sandbox.guest_ip],
        ['boot', `${sandbox.boot_mode}, ${sandbox.boot_ms} ms`],
        ['created', sandbox.created_at],
        [sandbox.on_timeout === 'hibernate' ? 'hibernates' : 'ends', sandbox.expires_at ?? 'never by itself'],
        ['metadata', metadata.join(' ')],
      ]),
    )
  },
})
