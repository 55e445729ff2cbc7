import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { jsonFlag, sandboxArgument } from '../flags.ts'

export const wakeSandbox = buildCommand({
  docs: { brief: 'Wake a hibernated sandbox now' },
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: { json: boolean }, id: string) {
    const done = await (await clientFor(this)).sandboxes.wake(id)
    if (flags.json) printJson(this, done)
    else this.process.stdout.write(`${done.status}\n`)
  },
})
