// Resources of one process from /proc, as the host sees them.

import { readFile } from 'node:fs/promises'
import { isAlive } from '@pandastack/kit/process/identity.ts'
import type { Stats } from './driver.ts'
import type { ProcessIdentity } from './values.ts'

/** The kernel's USER_HZ, which is 100 on every architecture we run on. */
const ticksPerSecond = 100
const pageBytes = 4096

/** Null when the process is gone or is another one by now. */
export const readStats = async (process: ProcessIdentity): Promise<Stats | null> => {
  try {
    const stat = await readFile(`/proc/${process.pid}/stat`, 'utf8')
    const uptime = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0])
    return isAlive(process) ? parseStats(stat, uptime) : null
  } catch {
    return null
  }
}

/** Fields after the command name, which may itself hold spaces and brackets. Exported for its test. */
export const parseStats = (stat: string, hostUptimeSeconds: number): Stats => {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3] ?? 0)
  return {
    pid: Number.parseInt(stat, 10),
    cpuSeconds: (field(14) + field(15)) / ticksPerSecond,
    threads: field(20),
    uptimeSeconds: Math.max(0, hostUptimeSeconds - field(22) / ticksPerSecond),
    vszBytes: field(23),
    rssBytes: field(24) * pageBytes,
  }
}
