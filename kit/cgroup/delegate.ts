// Version 2 only: hands controllers down from the root to the parent of our groups. A group that hands controllers down
// must hold no processes itself (the real root may), so processes found there are moved into a leaf beside ours.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CgroupError } from './errors.ts'

/** Holds processes that were in the way. The underscore keeps it apart from the names of groups. */
export const evictedName = '_evicted'

/** Moving may race with forks; each round catches those that were born during the last one. */
const evictionRounds = 10

const evict = async (dir: string): Promise<void> => {
  const leaf = join(dir, evictedName)
  await mkdir(leaf, { recursive: true })
  for (let round = 0; round < evictionRounds; round += 1) {
    const pids = (await readFile(join(dir, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean)
    if (pids.length === 0) return
    for (const pid of pids) await writeFile(join(leaf, 'cgroup.procs'), pid).catch(() => undefined)
  }
  throw new CgroupError(`processes in ${dir} could not be moved out of the way`)
}

const handDown = async (dir: string, controller: string): Promise<void> => {
  const file = join(dir, 'cgroup.subtree_control')
  const enabled = (await readFile(file, 'utf8')).split(/\s+/)
  if (enabled.includes(controller)) return
  try {
    await writeFile(file, `+${controller}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
    await evict(dir)
    await writeFile(file, `+${controller}`)
  }
}

/** Enables controllers in each of `dirs`, which lead from the root down to the parent. */
export const handDownAll = async (dirs: readonly string[], controllers: readonly string[]): Promise<void> => {
  for (const dir of dirs) {
    for (const controller of controllers) {
      await handDown(dir, controller).catch((cause: unknown) => {
        throw new CgroupError(`the ${controller} controller cannot be enabled in ${dir}`, { cause })
      })
    }
  }
}
