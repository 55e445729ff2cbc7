import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { sizeText } from '../../text/duration.ts'
import { fields } from '../../text/table.ts'
import { jsonFlag, snapshotArgument } from '../flags.ts'

export const getSnapshot = buildCommand({
  docs: { brief: 'Show one snapshot or checkpoint' },
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: 'tuple', parameters: [snapshotArgument] },
  },
  async func(this: Context, flags: { json: boolean }, id: string) {
    const one = await (await clientFor(this)).snapshots.get(id)
    if (flags.json) return printJson(this, one)
    const metadata = Object.entries(one.metadata).map(([name, value]) => `${name}=${value}`)
    this.process.stdout.write(
      fields([
        ['id', one.id],
        ['name', one.name],
        ['kind', one.kind],
        ['status', one.failure === null ? one.status : `${one.status}: ${one.failure}`],
        ['sandbox', one.sandbox_id],
        ['parent', one.parent_id ?? `the template ${one.template}`],
        ['isolation', `${one.tier} (${one.isolation})`],
        ['size', `${one.cpu} CPU, ${one.memory_mb} MiB memory, ${one.disk_mb} MiB disk`],
        ['on disk', `${sizeText(one.unique_bytes)} its own, ${sizeText(one.shared_bytes)} shared`],
        ['pause', `${Math.round(one.pause_ms)} ms`],
        ['digest', one.digest],
        ['created', one.created_at],
        ['metadata', metadata.join(' ')],
      ]),
    )
  },
})
