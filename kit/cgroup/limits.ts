// From limits to the files that hold them, for both versions. Pure.

import { versionOf, type Layout, type LimitController } from './layout.ts'

export interface Limits {
  /** Processor time per time, in cores: 1.5 is one and a half. */
  cpuCores?: number
  /** Memory and swap together. */
  memoryBytes?: number
  /** Processes and threads. */
  pids?: number
}

/** Which of the limits that were asked for the kernel really keeps. */
export type Held = Record<LimitController, boolean>

export interface Setting {
  controller: LimitController
  file: string
  value: string
  /** Without it the limit does not hold; the others make it stricter where the kernel offers them. */
  essential: boolean
}

const periodUs = 100_000
/** The kernel refuses a smaller quota. */
const smallestQuotaUs = 1000

const essential = (controller: LimitController, file: string, value: string): Setting => ({
  controller,
  file,
  value,
  essential: true,
})
const extra = (controller: LimitController, file: string, value: string): Setting => ({
  ...essential(controller, file, value),
  essential: false,
})

const cpuSettings = (cores: number, version: 'v1' | 'v2'): Setting[] => {
  const quotaUs = Math.max(smallestQuotaUs, Math.round(cores * periodUs))
  if (version === 'v2') return [essential('cpu', 'cpu.max', `${quotaUs} ${periodUs}`)]
  return [
    essential('cpu', 'cpu.cfs_period_us', String(periodUs)),
    essential('cpu', 'cpu.cfs_quota_us', String(quotaUs)),
  ]
}

const memorySettings = (bytes: number, version: 'v1' | 'v2'): Setting[] => {
  if (version === 'v2') {
    return [
      essential('memory', 'memory.max', String(bytes)),
      extra('memory', 'memory.swap.max', '0'),
      // Half of a machine is of no use: when one process has to go, all go.
      extra('memory', 'memory.oom.group', '1'),
    ]
  }
  return [
    essential('memory', 'memory.limit_in_bytes', String(bytes)),
    extra('memory', 'memory.memsw.limit_in_bytes', String(bytes)),
    extra('memory', 'memory.swappiness', '0'),
  ]
}

/** What to write, in this order; limits whose controller the machine lacks yield nothing. */
export const settingsFor = (layout: Layout, limits: Limits): Setting[] => {
  const { cpuCores, memoryBytes, pids } = limits
  const [cpu, memory, processes] = (['cpu', 'memory', 'pids'] as const).map((name) => versionOf(layout, name))
  return [
    ...(cpuCores !== undefined && cpu ? cpuSettings(cpuCores, cpu) : []),
    ...(memoryBytes !== undefined && memory ? memorySettings(memoryBytes, memory) : []),
    ...(pids !== undefined && processes ? [essential('pids', 'pids.max', String(pids))] : []),
  ]
}

const largestPageBytes = 65_536

/** True if what the kernel gives back is what was asked; it rounds memory to whole pages. */
export const sameValue = (asked: string, answer: string): boolean => {
  const [want, got] = [asked.trim(), answer.trim()]
  if (want === got) return true
  if (!/^\d+$/.test(want) || !/^\d+$/.test(got)) return false
  return Math.abs(Number(want) - Number(got)) < largestPageBytes && Number(want) > largestPageBytes
}
