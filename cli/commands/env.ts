import { buildCommand } from '@stricli/core'
import { homeIn, localAccess, printJson, type Context } from '../context.ts'
import { Refusal } from '../exit-codes.ts'
import { exportLines, vendors, type Vendor } from '../text/exports.ts'
import { jsonFlag } from './flags.ts'

export const printEnv = buildCommand({
  docs: { brief: 'Print lines that set what clients read: eval "$(pandastack env)"' },
  parameters: {
    flags: {
      for: { kind: 'enum', values: vendors, brief: 'Whose client', default: 'pandastack' },
      json: jsonFlag,
    },
  },
  async func(this: Context, flags: { for: Vendor; json: boolean }) {
    const { url, key } = await localAccess(homeIn(this))
    if (key === null) {
      throw new Refusal('there is no key here that this user may read', {
        hint: 'run "pandastack up" first, as root',
      })
    }
    const lines = exportLines(flags.for, { url, key })
    if (flags.json) printJson(this, lines)
    else
      this.process.stdout.write(
        Object.entries(lines)
          .map(([name, value]) => `export ${name}='${value}'\n`)
          .join(''),
      )
  },
})
