// All groups of one installation: children of one parent group, whose name is given, so that several installations
// live side by side. Root only. Fails with CgroupError; a failed create leaves nothing behind.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { handDownAll } from './delegate.ts'
import { hierarchyRoots, removeDirs } from './dirs.ts'
import { CgroupError } from './errors.ts'
import { groupAt, type Cgroup } from './group.ts'
import { detect, versionOf, type Layout, type LimitController } from './layout.ts'
import { sameValue, settingsFor, type Held, type Limits, type Setting } from './limits.ts'

const limitControllers: readonly LimitController[] = ['cpu', 'memory', 'pids']

export interface CreateOptions {
  /** Go on if a limit cannot be set, and say so in `held`. Default: refuse. */
  allowMissingLimits?: boolean
}

export interface Cgroups {
  layout: Layout
  parent: string
  /** Which limits this machine can hold at all. */
  canHold: Held
  /** A new group with these limits, each read back. Throws if it exists. */
  create(name: string, limits: Limits, options?: CreateOptions): Promise<{ group: Cgroup; held: Held }>
  /** A group that an earlier life of ours made. */
  at(name: string): Cgroup
  /** Names of all groups that exist, in whichever hierarchy. */
  list(): Promise<string[]>
  /** Removes the parent, which must have no groups left. */
  removeParent(): Promise<void>
}

const groupName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const exists = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EEXIST'

const checkName = (name: string): string => {
  if (!groupName.test(name)) throw new CgroupError(`not a name for a control group: ${JSON.stringify(name)}`)
  return name
}

const all = (value: (controller: LimitController) => boolean): Held => ({
  cpu: value('cpu'),
  memory: value('memory'),
  pids: value('pids'),
})

const apply = async (dir: string, { file, value }: Setting): Promise<boolean> => {
  try {
    await writeFile(join(dir, file), value)
    return sameValue(value, await readFile(join(dir, file), 'utf8'))
  } catch {
    return false
  }
}

const prepareParent = async (layout: Layout, parent: string): Promise<void> => {
  for (const root of hierarchyRoots(layout)) await mkdir(join(root, parent), { recursive: true })
  const controllers = limitControllers.filter((name) => versionOf(layout, name) === 'v2')
  if (layout.unifiedRoot === null || controllers.length === 0) return
  const steps = parent.split('/')
  const path = steps.map((_, index) => join(layout.unifiedRoot as string, ...steps.slice(0, index + 1)))
  await handDownAll([layout.unifiedRoot, ...path], controllers)
}

const setLimits = async (layout: Layout, parent: string, name: string, limits: Limits): Promise<Held> => {
  const refused = new Set<LimitController>()
  const set = new Set<LimitController>()
  for (const setting of settingsFor(layout, limits)) {
    const root = layout.v1Roots.get(setting.controller) ?? layout.unifiedRoot
    const done = await apply(join(root as string, parent, name), setting)
    if (setting.essential) (done ? set : refused).add(setting.controller)
  }
  return all((controller) => set.has(controller) && !refused.has(controller))
}

const missing = (limits: Limits, held: Held): string[] => {
  const asked = { cpu: limits.cpuCores, memory: limits.memoryBytes, pids: limits.pids }
  return limitControllers.filter((controller) => asked[controller] !== undefined && !held[controller])
}

const listGroups = async (layout: Layout, parent: string): Promise<string[]> => {
  const listings = hierarchyRoots(layout).map((root) =>
    readdir(join(root, parent), { withFileTypes: true }).catch(() => []),
  )
  const names = (await Promise.all(listings)).flat().filter((entry) => entry.isDirectory())
  return [...new Set(names.map(({ name }) => name))].filter((name) => groupName.test(name)).sort()
}

/** Prepares the parent in every hierarchy. Throws if this machine has no control groups or does not let us write them. */
export const openCgroups = async (parent: string, given?: Layout): Promise<Cgroups> => {
  parent.split('/').forEach(checkName)
  const layout = given ?? (await detect())
  if (!layout) throw new CgroupError('this machine has no control groups')
  await prepareParent(layout, parent).catch((cause: unknown) => {
    if (cause instanceof CgroupError) throw cause
    throw new CgroupError(`the control group ${parent} cannot be made`, { cause })
  })
  return {
    layout,
    parent,
    canHold: all((controller) => versionOf(layout, controller) !== null),
    at: (name) => groupAt(layout, parent, checkName(name)),
    list: () => listGroups(layout, parent),
    removeParent: () =>
      removeDirs(
        hierarchyRoots(layout).map((root) => join(root, parent)),
        2000,
      ),
    create: async (name, limits, { allowMissingLimits = false } = {}) => {
      const group = groupAt(layout, parent, checkName(name))
      const made: string[] = []
      try {
        for (const dir of group.dirs) {
          await mkdir(dir)
          made.push(dir)
        }
        const held = await setLimits(layout, parent, name, limits)
        const gaps = missing(limits, held)
        if (gaps.length > 0 && !allowMissingLimits)
          throw new CgroupError(`no limit for ${gaps.join(', ')} on this machine`)
        return { group, held }
      } catch (cause) {
        await removeDirs(made, 2000)
        if (cause instanceof CgroupError) throw cause
        throw new CgroupError(
          exists(cause)
            ? `the control group ${name} exists already`
            : `the control group ${name} cannot be made`,
          { cause },
        )
      }
    },
  }
}
