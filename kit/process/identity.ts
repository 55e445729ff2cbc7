// Who a process is. A process id alone is reused by the kernel; together with its start time it is not.
// Reads /proc only and owns nothing. A zombie is dead: it runs nothing and answers nobody.

import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessIdentity {
  pid: number
  /** Clock ticks from the machine's boot to the start of the process, as in /proc/PID/stat; text, as it is only compared. */
  startTime: string
}

export interface ProcessStat extends ProcessIdentity {
  name: string
  /** One letter: R runs, S sleeps, D waits in the kernel, T stopped, Z zombie, X dead. */
  state: string
  parentPid: number
  groupId: number
  sessionId: number
}

/** Null if the text is not a line of /proc/PID/stat. The name may hold spaces and brackets. */
export const parseStat = (text: string): ProcessStat | null => {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open === -1 || close < open) return null
  const fields = text.slice(close + 2).split(' ')
  const number = (index: number): number => Number(fields[index])
  const stat = {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state: fields[0] ?? '',
    parentPid: number(1),
    groupId: number(2),
    sessionId: number(3),
    startTime: fields[19] ?? '',
  }
  return Number.isInteger(stat.pid) && /^\d+$/.test(stat.startTime) ? stat : null
}

/** Null if there is no such process, not even as a zombie. */
export const statOf = (pid: number): ProcessStat | null => {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return null
  }
}

const runs = (stat: ProcessStat): boolean => stat.state !== 'Z' && stat.state !== 'X'

/** The identity of a process that runs; null if there is none or it is a zombie. */
export const identity = (pid: number): ProcessIdentity | null => {
  const stat = statOf(pid)
  return stat && runs(stat) ? { pid: stat.pid, startTime: stat.startTime } : null
}

/** True while this very process runs, whoever has its process id otherwise. */
export const isAlive = ({ pid, startTime }: ProcessIdentity): boolean =>
  identity(pid)?.startTime === startTime

/** All processes that run now, by one pass over /proc. */
export const runningProcesses = (): ProcessStat[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((stat): stat is ProcessStat => stat !== null && runs(stat))
