import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { sizeText } from '../../text/duration.ts'
import { table } from '../../text/table.ts'
import { jsonFlag } from '../flags.ts'

export const listTemplates = buildCommand({
  docs: { brief: 'List what sandboxes can be made from' },
  parameters: { flags: { json: jsonFlag } },
  async func(this: Context, flags: { json: boolean }) {
    const templates = await (await clientFor(this)).templates.list()
    if (flags.json) return printJson(this, templates)
    const rows = templates.map((template) => [
      [template.name, ...template.aliases].join(', '),
      template.baked ? 'baked' : 'not baked',
      String(template.cpu),
      `${template.memory_mb} MiB`,
      sizeText(template.size_bytes),
      template.description,
    ])
    this.process.stdout.write(table(['NAME', 'SNAPSHOT', 'CPU', 'MEMORY', 'SIZE', 'WHAT IS IN IT'], rows))
  },
})
