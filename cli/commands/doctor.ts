import { buildCommand } from '@stricli/core'
import { createClient } from '@pandastack/client/client.ts'
import { homeIn, localAccess, printJson, type Context } from '../context.ts'
import { exitCodes, Refusal } from '../exit-codes.ts'
import { table } from '../text/table.ts'
import { findLeaks } from '../up/doctor/leaks.ts'
import { checkInstallation, checkMachine, type Check } from '../up/doctor/checks.ts'
import { checkRestores } from '../up/doctor/restore/check-restores.ts'
import type { Home } from '../up/home.ts'
import { jsonFlag } from './flags.ts'

interface Flags {
  leaks: boolean
  restore: boolean
  json: boolean
}

/** Enough to find what clones have in common, and few enough for a machine in use. */
const clones = 8

const healthy = (api: string): Promise<boolean> => createClient({ url: api, key: '' }).healthy(3000)

const showLeaks = async (context: Context, home: Home, json: boolean): Promise<void> => {
  const { url, key } = await localAccess(home)
  const listed = key === null ? [] : await createClient({ url, key }).sandboxes.list()
  const leaks = await findLeaks(home, listed)
  if (json) printJson(context, { leaks })
  else if (leaks.length === 0) context.process.stdout.write('nothing belongs to nobody\n')
  else
    context.process.stdout.write(
      table(
        ['KIND', 'NAME', 'WHAT IT IS'],
        leaks.map(({ kind, name, detail }) => [kind, name, detail]),
      ),
    )
  if (leaks.length > 0) context.setExitCode(exitCodes.failed)
}

const restoreChecks = async (home: Home, signal: AbortSignal): Promise<Check[]> => {
  const { url, key } = await localAccess(home)
  if (key === null)
    throw new Refusal('no API key', { hint: 'be root on the machine where "pandastack up" has run' })
  return checkRestores({ url, key }, { clones, signal })
}

export const doctor = buildCommand({
  docs: {
    brief: 'Check this machine and what runs on it, what belongs to nobody, or what clones have in common',
  },
  parameters: {
    flags: {
      leaks: {
        kind: 'boolean',
        brief: 'Compare processes, namespaces, rules, mounts, files and rows',
        default: false,
      },
      restore: {
        kind: 'boolean',
        brief: `Fork a sandbox into ${clones} while it works, and check what became of it in each`,
        default: false,
      },
      json: jsonFlag,
    },
  },
  async func(this: Context, flags: Flags) {
    const home = homeIn(this)
    if (flags.leaks) return showLeaks(this, home, flags.json)
    const checks: Check[] = flags.restore
      ? await restoreChecks(home, this.signal)
      : [...(await checkMachine(home, this.env)), ...(await checkInstallation(home, healthy))]
    if (flags.json) printJson(this, { checks })
    else
      for (const { level, name, text } of checks)
        this.process.stdout.write(`  ${level.padEnd(5)} ${name.padEnd(13)} ${text}\n`)
    if (checks.some(({ level }) => level === 'fail')) this.setExitCode(exitCodes.failed)
  },
})
