// What a group has used, read from the files of either version. A file that is missing yields null, not zero.

import { readFile } from 'node:fs/promises'

export interface CgroupStats {
  cpuUsageNs: number | null
  memoryCurrentBytes: number | null
  memoryPeakBytes: number | null
  /** Processes that the kernel ended for want of memory. */
  oomKills: number | null
  /** Processes and threads, also those that have ended and were not reaped yet. */
  pids: number | null
}

/** The number behind a key of a file of "key number" lines, such as cpu.stat. */
export const keyed = (text: string | null, key: string): number | null => {
  const value = text === null ? undefined : new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1]
  return value === undefined ? null : Number(value)
}

/** The number that is the whole file. */
export const single = (text: string | null): number | null =>
  text !== null && /^\d+$/.test(text.trim()) ? Number(text) : null

const read = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null)

/** Directories of one group; null where the machine has no such controller. */
export interface StatsDirs {
  cpuV1: string | null
  memoryV1: string | null
  pids: string | null
  unified: string | null
}

const cpuUsageNs = async ({ cpuV1, unified }: StatsDirs): Promise<number | null> => {
  if (cpuV1) return single(await read(`${cpuV1}/cpuacct.usage`))
  // Version 2 counts this even without the cpu controller.
  const microseconds = unified && keyed(await read(`${unified}/cpu.stat`), 'usage_usec')
  return typeof microseconds === 'number' ? microseconds * 1000 : null
}

const memory = async ({ memoryV1, unified }: StatsDirs): Promise<(number | null)[]> => {
  if (memoryV1) {
    const [current, peak, oom] = await Promise.all(
      ['memory.usage_in_bytes', 'memory.max_usage_in_bytes', 'memory.oom_control'].map((file) =>
        read(`${memoryV1}/${file}`),
      ),
    )
    return [single(current ?? null), single(peak ?? null), keyed(oom ?? null, 'oom_kill')]
  }
  if (!unified) return [null, null, null]
  const [current, peak, events] = await Promise.all(
    ['memory.current', 'memory.peak', 'memory.events'].map((file) => read(`${unified}/${file}`)),
  )
  return [single(current ?? null), single(peak ?? null), keyed(events ?? null, 'oom_kill')]
}

export const readStats = async (dirs: StatsDirs): Promise<CgroupStats> => {
  const [cpu, [current = null, peak = null, oomKills = null], pids] = await Promise.all([
    cpuUsageNs(dirs),
    memory(dirs),
    dirs.pids ? read(`${dirs.pids}/pids.current`) : null,
  ])
  return {
    cpuUsageNs: cpu,
    memoryCurrentBytes: current,
    memoryPeakBytes: peak,
    oomKills,
    pids: single(pids),
  }
}
