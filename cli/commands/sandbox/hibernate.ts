import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { jsonFlag, sandboxArgument } from '../flags.ts'

export const hibernateSandbox = buildCommand({
  docs: { brief: 'Put a sandbox to sleep on disk, memory and all; the next use wakes it' },
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: { json: boolean }, id: string) {
    const done = await (await clientFor(this)).sandboxes.hibernate(id)
    if (flags.json) printJson(this, done)
    else this.process.stdout.write(`${done.status}\n`)
  },
})
