import { buildCommand } from '@stricli/core'
import { createClient } from '@pandastack/client/client.ts'
import { homeIn, localAccess, printJson, type Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { table } from '../text/table.ts'
import { findLeaks } from '../up/doctor/leaks.ts'
import { checkInstallation, checkMachine, type Check } from '../up/doctor/checks.ts'
import { jsonFlag } from './flags.ts'

interface Flags {
  leaks: boolean
  json: boolean
}

const healthy = (api: string): Promise<boolean> => createClient({ url: api, key: '' }).healthy(3000)

export const doctor = buildCommand({
  docs: { brief: 'Check this machine and what runs on it, or look for what belongs to nobody' },
  parameters: {
    flags: {
      leaks: {
        kind: 'boolean',
        brief: 'Compare processes, namespaces, rules, mounts, files and rows',
        default: false,
      },
      json: jsonFlag,
    },
  },
  async func(this: Context, flags: Flags) {
    const home = homeIn(this)
    const { stdout } = this.process
    if (flags.leaks) {
      const { url, key } = await localAccess(home)
      const listed = key === null ? [] : await createClient({ url, key }).sandboxes.list()
      const leaks = await findLeaks(home, listed)
      if (flags.json) printJson(this, { leaks })
      else if (leaks.length === 0) stdout.write('nothing belongs to nobody\n')
      else
        stdout.write(
          table(
            ['KIND', 'NAME', 'WHAT IT IS'],
            leaks.map(({ kind, name, detail }) => [kind, name, detail]),
          ),
        )
      if (leaks.length > 0) this.setExitCode(exitCodes.failed)
      return
    }
    const checks: Check[] = [
      ...(await checkMachine(home, this.env)),
      ...(await checkInstallation(home, healthy)),
    ]
    if (flags.json) printJson(this, { checks })
    else
      for (const { level, name, text } of checks)
        stdout.write(`  ${level.padEnd(5)} ${name.padEnd(13)} ${text}\n`)
    if (checks.some(({ level }) => level === 'fail')) this.setExitCode(exitCodes.failed)
  },
})
