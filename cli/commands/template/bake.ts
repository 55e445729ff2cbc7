import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { createSteps } from '../../terminal/steps.ts'
import { jsonFlag, text } from '../flags.ts'

export const bakeTemplate = buildCommand({
  docs: { brief: 'Boot a template once and keep its snapshot, so that creates are fast from the first' },
  parameters: {
    flags: { json: jsonFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Name of the template', placeholder: 'name', parse: text }],
    },
  },
  async func(this: Context, flags: { json: boolean }, name: string) {
    const { templates } = await clientFor(this)
    await createSteps(this.process.stderr).run(`bake ${name}`, async (report) => {
      for await (const { step, percent } of templates.bake(name, { signal: this.signal }))
        report(step, percent)
    })
    if (flags.json) printJson(this, await templates.get(name))
  },
})
