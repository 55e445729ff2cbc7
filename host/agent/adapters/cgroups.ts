// The agent's cgroups over kit/cgroup: one group per place under the installation's own parent.

import { openCgroups } from '@pandastack/kit/cgroup/cgroups.ts'
import type { Cgroups } from '../ports.ts'

const mib = 1_048_576
/** What the sandbox's own kernel and its gofer need on top of the guest's memory; see docs/performance.md. */
const overheadMb = 128
/** Threads of the sandbox's kernel on the host, on top of the guest's own processes. */
const overheadPids = 512

export async function hostCgroups(prefix: string): Promise<Cgroups & { canHold: Record<string, boolean> }> {
  const groups = await openCgroups(prefix)
  return {
    canHold: groups.canHold,
    create: async (id, limits) => {
      const { group } = await groups.create(id, {
        cpuCores: limits.cpu,
        memoryBytes: (limits.memoryMb + overheadMb) * mib,
        pids: limits.pids + overheadPids,
      })
      return { procsFiles: [...group.procsFiles] }
    },
    oomKills: async (id) => (await groups.at(id).stats()).oomKills ?? 0,
    kill: (id) => groups.at(id).kill(),
    remove: (id) => groups.at(id).remove(),
    list: () => groups.list(),
    release: () => groups.removeParent(),
  }
}
