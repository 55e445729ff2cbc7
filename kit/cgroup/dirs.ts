// The directories of groups, one in each hierarchy that counts. Reading processes, walking subgroups, removing.

import { readdir, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CgroupError } from './errors.ts'
import type { Layout } from './layout.ts'

/** Version 1 controllers that a group takes part in, where they are mounted. The freezer helps to kill. */
const v1Controllers = ['cpu', 'cpuacct', 'memory', 'pids', 'freezer']

/** Roots of all hierarchies that a group has a directory in, each once: several controllers may share a mount. */
export const hierarchyRoots = (layout: Layout): string[] => {
  const v1 = v1Controllers.map((name) => layout.v1Roots.get(name))
  const all = [layout.unifiedRoot, ...v1].filter((root): root is string => typeof root === 'string')
  return [...new Set(all)]
}

const absent = (error: unknown): boolean =>
  ['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')

/** This directory and all groups below it, children before their parents. Empty if it does not exist. */
export const subtree = async (dir: string): Promise<string[]> => {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    if (absent(error)) return null
    throw error
  })
  if (entries === null) return []
  const children = entries.filter((entry) => entry.isDirectory()).map(({ name }) => subtree(join(dir, name)))
  return [...(await Promise.all(children)).flat(), dir]
}

const pidsOf = async (dir: string): Promise<number[]> => {
  const text = await readFile(join(dir, 'cgroup.procs'), 'utf8').catch((error: unknown) => {
    if (absent(error)) return ''
    throw error
  })
  return text.split('\n').filter(Boolean).map(Number)
}

/** Processes in these groups and below. */
export const pidsUnder = async (dirs: readonly string[]): Promise<number[]> => {
  const all = (await Promise.all(dirs.map(subtree))).flat()
  return [...new Set((await Promise.all(all.map(pidsOf))).flat())]
}

const firstRetryMs = 1
const slowestRetryMs = 50

/** Removes the groups and everything below them. A group that was just emptied stays busy for a moment. */
export const removeDirs = async (dirs: readonly string[], deadlineMs: number): Promise<void> => {
  const deadline = performance.now() + deadlineMs
  const remove = async (dir: string): Promise<void> => {
    for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, slowestRetryMs)) {
      try {
        return await rmdir(dir)
      } catch (error) {
        if (absent(error)) return
        if (performance.now() >= deadline)
          throw new CgroupError(`${dir} could not be removed`, { cause: error })
      }
      await sleep(waitMs)
    }
  }
  for (const dir of dirs) for (const each of await subtree(dir)) await remove(each)
}
