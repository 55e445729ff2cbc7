// Resources of one process from /proc, as the host sees them.

import { readFile } from 'node:fs/promises'
import { isAlive } from '@pandastack/kit/process/identity.ts'
import type { Stats } from '@pandastack/driver/driver.ts'
import type { ProcessIdentity } from '@pandastack/driver/values.ts'

/** The kernel's USER_HZ, which is 100 on every architecture we run on. */
const ticksPerSecond = 100
const pageBytes = 4096

/** Null when the process is gone or is another one by now. */
export async function readStats(process: ProcessIdentity): Promise<Stats | null> {
  if (!(await isAlive(process))) return null
  try {
    const stat = await readFile(`/proc/${process.pid}/stat`, 'utf8')
    const uptime = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0])
    return parseStat(stat, uptime)
  } catch {
    return null
  }
}

/** Fields after the command name, which may itself hold spaces and brackets. Exported for its test. */
export function parseStat(stat: string, hostUptimeSeconds: number): Stats {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3] ?? 0)
  return {
    pid: Number.parseInt(stat, 10),
    cpuSeconds: (field(14) + field(15)) / ticksPerSecond,
    threads: field(20),
    uptimeSeconds: Math.max(0, hostUptimeSeconds - field(22) / ticksPerSecond),
    vszBytes: field(23),
    rssBytes: field(24) * pageBytes,
  }
}
