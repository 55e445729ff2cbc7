import { buildCommand } from '@stricli/core'
import { createClient } from '@pandastack/client/client.ts'
import { homeIn, printJson, type Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { durationText } from '../text/duration.ts'
import { fields, table } from '../text/table.ts'
import { apiUrl } from '../up/settings.ts'
import { statusOf, type Status } from '../up/status.ts'
import { jsonFlag } from './flags.ts'

const textOf = (status: Status, now: number): string => {
  if (status.phase === 'down') return `down (${status.home})\n`
  const rows = Object.entries(status.processes).map(([name, process]) => [
    name,
    process.running ? String(process.pid) : '-',
    process.state,
    process.running ? durationText(now - process.started_at_ms) : '-',
    String(process.restarts),
    process.last_end ?? '',
  ])
  const head = fields([
    ['state', status.detail === '' ? status.phase : `${status.phase}: ${status.detail}`],
    ['API', `${status.api}${status.answers ? '' : ' (does not answer)'}`],
    ['isolation', status.tier === null ? 'not known' : `${status.tier.tier} (${status.tier.reason})`],
    ['home', status.home],
  ])
  return `${head}\n${table(['PROCESS', 'ID', 'STATE', 'FOR', 'RESTARTS', 'LAST END'], rows)}`
}

export const showStatus = buildCommand({
  docs: { brief: 'Show what runs; exit code 0 when all of it does, 1 otherwise' },
  parameters: { flags: { json: jsonFlag } },
  async func(this: Context, flags: { json: boolean }) {
    const status = await statusOf(homeIn(this), (listen) =>
      createClient({ url: apiUrl(listen), key: '' }).healthy(3000),
    )
    if (flags.json) printJson(this, status)
    else this.process.stdout.write(textOf(status, Date.now()))
    if (status.phase !== 'running' || !status.answers) this.setExitCode(exitCodes.failed)
  },
})
