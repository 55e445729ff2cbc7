// Ends every process of a group, whatever it does meanwhile.
// Version 2 has one word for it. Otherwise: forbid new processes, freeze, signal all, thaw, and again until none is
// left. The second way also runs after the first, since a process may have entered only some of the hierarchies.

import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { pidsUnder } from './dirs.ts'
import { CgroupError } from './errors.ts'

export interface KillDirs {
  /** Of the group, in every hierarchy. */
  all: readonly string[]
  unified: string | null
  freezerV1: string | null
  pids: string | null
}

/** Best effort: the file may be missing on this kernel, the group gone. */
const attempt = (path: string, value: string): Promise<boolean> =>
  writeFile(path, value, { flag: 'r+' }).then(
    () => true,
    () => false,
  )

const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    // Zero stands for a process that our process namespace does not see, and for kill(2) it would mean ourselves.
    if (pid === 0) continue
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended in between.
    }
  }
}

/** Frozen version 1 groups take the signal when they thaw; version 2 groups die frozen. */
const freeze = async ({ freezerV1, unified }: KillDirs, frozen: boolean): Promise<void> => {
  if (freezerV1) await attempt(`${freezerV1}/freezer.state`, frozen ? 'FROZEN' : 'THAWED')
  else if (unified) await attempt(`${unified}/cgroup.freeze`, frozen ? '1' : '0')
}

const firstPauseMs = 1
const slowestPauseMs = 20

/** Returns once no process is left; throws after the deadline. The group itself stays, but can hold no process. */
export const killGroup = async (dirs: KillDirs, deadlineMs: number): Promise<void> => {
  const deadline = performance.now() + deadlineMs
  if (dirs.pids) await attempt(`${dirs.pids}/pids.max`, '0')
  const direct = dirs.unified !== null && (await attempt(`${dirs.unified}/cgroup.kill`, '1'))
  // A group that was paused by the version 1 freezer does not even die before it is thawed.
  if (direct) await freeze(dirs, false)
  for (let round = 0, pauseMs = firstPauseMs; ; round += 1, pauseMs = Math.min(pauseMs * 2, slowestPauseMs)) {
    const pids = await pidsUnder(dirs.all)
    if (pids.length === 0) return
    if (performance.now() >= deadline) throw new CgroupError(`${pids.length} processes do not end`)
    if (!direct || round > 2) {
      await freeze(dirs, true)
      killAll(await pidsUnder(dirs.all))
      await freeze(dirs, false)
    }
    await sleep(pauseMs)
  }
}
