// Which processes are ours, by what the kernel says of them: every command and every part of a sandbox names our state
// directory and, last, the machine.

import { readFile, readdir } from 'node:fs/promises'
import type { Place } from '@pandastack/driver/values.ts'
import type { GvisorConfig } from './config.ts'

export interface RunscProcess {
  pid: number
  /** `boot` is the sandbox's kernel, `gofer` its hand on the host's files; the rest are commands under way. */
  verb: string
  machineId: string
}

const verbs = new Set(['boot', 'gofer', 'create', 'start', 'restore', 'checkpoint', 'pause', 'resume', 'run'])

const argumentsOf = async (pid: number): Promise<string[]> => {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').filter((arg) => arg !== '')
  } catch {
    return []
  }
}

/** Of all machines, by one pass over all processes of the host. */
export const allProcesses = async (config: GvisorConfig): Promise<RunscProcess[]> => {
  const found: RunscProcess[] = []
  for (const pid of (await readdir('/proc')).map(Number).filter(Number.isInteger)) {
    const args = await argumentsOf(pid)
    if (!args.includes(`--root=${config.stateDir}`)) continue
    const verb = args.find((arg, index) => index > 0 && verbs.has(arg))
    if (verb !== undefined) found.push({ pid, verb, machineId: args.at(-1) ?? '' })
  }
  return found
}

const listed = async (procsFile: string): Promise<number[]> => {
  try {
    return (await readFile(procsFile, 'utf8')).split('\n').filter(Boolean).map(Number)
  } catch {
    // Taken away already: nothing can be in it.
    return []
  }
}

/** Of one machine: its groups hold everything from the first command on, so this does not grow with the host. */
export const pidsIn = async ({ cgroupProcsFiles }: Place): Promise<number[]> => [
  ...new Set((await Promise.all(cgroupProcsFiles.map(listed))).flat()),
]
