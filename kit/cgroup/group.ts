// One group: a directory in each hierarchy. A value without state of its own; the kernel has the state.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hierarchyRoots, pidsUnder, removeDirs } from './dirs.ts'
import { killGroup } from './kill.ts'
import type { Layout } from './layout.ts'
import { readStats, type CgroupStats } from './stats.ts'

export interface Cgroup {
  name: string
  dirs: readonly string[]
  /** A launcher that writes its process id (or 0) into each of these starts its command inside. */
  procsFiles: readonly string[]
  add(pid: number): Promise<void>
  /** Processes inside, in any hierarchy, subgroups included. */
  pids(): Promise<number[]>
  stats(): Promise<CgroupStats>
  /** Ends every process inside. Throws CgroupError if one is left after the deadline (default 5000). */
  kill(options?: { deadlineMs?: number }): Promise<void>
  /** Removes the empty group with its subgroups. Throws CgroupError if it is not empty (deadline default 2000). */
  remove(options?: { deadlineMs?: number }): Promise<void>
}

/** The group `parent/name`, whether it exists or not. */
export const groupAt = (layout: Layout, parent: string, name: string): Cgroup => {
  const under = (root: string | null | undefined): string | null => (root ? join(root, parent, name) : null)
  const v1 = (controller: string): string | null => under(layout.v1Roots.get(controller))
  const unified = under(layout.unifiedRoot)
  const dirs = hierarchyRoots(layout).map((root) => join(root, parent, name))
  const pids = v1('pids') ?? unified
  const procsFiles = dirs.map((dir) => join(dir, 'cgroup.procs'))
  return {
    name,
    dirs,
    procsFiles,
    add: async (pid) => {
      for (const file of procsFiles) await writeFile(file, String(pid), { flag: 'r+' })
    },
    pids: () => pidsUnder(dirs),
    stats: () => readStats({ cpuV1: v1('cpuacct'), memoryV1: v1('memory'), pids, unified }),
    kill: ({ deadlineMs = 5000 } = {}) =>
      killGroup({ all: dirs, unified, freezerV1: v1('freezer'), pids }, deadlineMs),
    remove: ({ deadlineMs = 2000 } = {}) => removeDirs(dirs, deadlineMs),
  }
}
