// What of an installation is left on this machine, asked of the kernel and not of the installation: processes, mounts,
// namespaces, links, rules, routes, control groups, directories of machines and snapshots. And the way to take all of it away.

import { readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { detect } from '@pandastack/kit/cgroup/layout.ts'
import { hierarchyRoots, removeDirs } from '@pandastack/kit/cgroup/dirs.ts'
import { groupAt } from '@pandastack/kit/cgroup/group.ts'
import { endProcess } from '@pandastack/kit/process/end.ts'
import { runningProcesses } from '@pandastack/kit/process/identity.ts'
import { run } from '@pandastack/kit/process/run.ts'
import { mounts } from '@pandastack/storage/mounts.ts'
import type { Place } from './place.ts'

export interface Leftover {
  kind: 'process' | 'mount' | 'namespace' | 'link' | 'nft' | 'route' | 'cgroup' | 'file'
  name: string
  remove(): Promise<unknown>
}

const deadlineMs = 20_000
const attemptsMax = 3

/** In the order in which it can be taken away: processes first. */
export const leftovers = async (place: Place): Promise<Leftover[]> => [
  ...processes(place),
  ...(await mountsOf(place)),
  ...(await namespaces(place)),
  ...(await links(place)),
  ...(await tables(place)),
  ...(await routes(place)),
  ...(await groups(place)),
  ...(await dirs(place)),
]

/** Takes away everything, the home included, and tells what there was. */
export const clear = async (place: Place): Promise<Leftover[]> => {
  const found = await leftovers(place)
  let left = found
  // Removing one thing may uncover another: a directory under a mount, a group behind a process.
  for (let attempt = 1; left.length > 0 && attempt <= attemptsMax; attempt++) {
    for (const thing of left) await thing.remove().catch(() => undefined)
    left = await leftovers(place)
  }
  await rm(place.home, { recursive: true, force: true })
  if (left.length > 0) throw new Error(`cannot take away ${left.map(({ name }) => name).join(', ')}`)
  return found
}

const command = (program: string, ...args: string[]) => run(program, args, { deadlineMs })

const lines = async (program: string, ...args: string[]): Promise<string[]> =>
  (await command(program, ...args)).stdout.split('\n').filter((line) => line.trim() !== '')

const names = (dir: string): Promise<string[]> => readdir(dir).catch((): string[] => [])

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Everything of ours names its home in its arguments or its environment. */
const processes = ({ home }: Place): Leftover[] =>
  runningProcesses().flatMap((process): Leftover[] => {
    const args = textOf(`/proc/${process.pid}/cmdline`)
    const owned = [args, textOf(`/proc/${process.pid}/environ`)].some(
      (text) => text.includes(`${home}/`) || text.includes(`${home}\0`),
    )
    if (!owned) return []
    const name = `${process.pid} ${args.replaceAll('\0', ' ').slice(0, 300)}`
    return [{ kind: 'process', name, remove: () => endProcess(process, { graceMs: 0 }) }]
  })

const mountsOf = async ({ home }: Place): Promise<Leftover[]> =>
  (await mounts())
    .filter(({ path }) => path.startsWith(`${home}/`))
    .toReversed()
    .map(({ path }) => ({ kind: 'mount', name: path, remove: () => command('umount', '--lazy', path) }))

const isOurs = ({ prefix }: Place, name: string): boolean => new RegExp(`^${prefix}-\\d+$`).test(name)

const namespaces = async (place: Place): Promise<Leftover[]> =>
  (await names('/run/netns'))
    .filter((name) => isOurs(place, name))
    .map((name) => ({ kind: 'namespace', name, remove: () => command('ip', 'netns', 'delete', name) }))

const links = async (place: Place): Promise<Leftover[]> =>
  (await names('/sys/class/net'))
    .filter((name) => isOurs(place, name))
    .map((name) => ({ kind: 'link', name, remove: () => command('ip', 'link', 'delete', name) }))

const tables = async ({ prefix }: Place): Promise<Leftover[]> =>
  (await lines('nft', 'list', 'tables')).flatMap((line): Leftover[] => {
    const [, family = '', name] = line.split(' ')
    return name === prefix
      ? [
          {
            kind: 'nft',
            name: `${family} ${name}`,
            remove: () => command('nft', 'delete', 'table', family, name),
          },
        ]
      : []
  })

const routes = async ({ networkIndex }: Place): Promise<Leftover[]> => {
  const ranges = [`10.${201 + networkIndex}.0.0/16`, `10.200.${networkIndex}.0/30`]
  const gateway = `10.200.${networkIndex}.1`
  const found = (await lines('ip', '-4', 'route')).filter((line) =>
    ranges.some((range) => line.includes(range)),
  )
  const addresses = (await lines('ip', '-4', '-o', 'address', 'show', 'lo')).filter((line) =>
    line.includes(` ${gateway}/`),
  )
  return [
    ...found.map((line): Leftover => {
      const route = line.split(' ').slice(0, 2)
      return { kind: 'route', name: line, remove: () => command('ip', 'route', 'delete', ...route) }
    }),
    ...addresses.map((name): Leftover => {
      return {
        kind: 'route',
        name,
        remove: () => command('ip', 'address', 'delete', `${gateway}/32`, 'dev', 'lo'),
      }
    }),
  ]
}

const groups = async ({ prefix }: Place): Promise<Leftover[]> => {
  const layout = await detect()
  if (!layout) return []
  const parent = `pandastack-${prefix}`
  const roots = hierarchyRoots(layout)
  const found: Leftover[] = []
  for (const root of roots) {
    const inside = await readdir(join(root, parent), { withFileTypes: true }).catch(() => null)
    if (inside === null) continue
    for (const { name } of inside.filter((entry) => entry.isDirectory())) {
      const group = groupAt(layout, parent, name)
      const remove = (): Promise<void> => group.kill().then(() => group.remove())
      found.push({ kind: 'cgroup', name: join(root, parent, name), remove })
    }
    const dir = join(root, parent)
    found.push({ kind: 'cgroup', name: dir, remove: () => removeDirs([dir], 2000) })
  }
  return found
}

const dirs = async ({ home }: Place): Promise<Leftover[]> => {
  const places = ['data/machines', 'data/snapshots'].map((name) => join(home, name))
  const found = await Promise.all(
    places.map(async (dir) => (await names(dir)).map((name) => join(dir, name))),
  )
  return found.flat().map((path) => ({
    kind: 'file',
    name: path,
    remove: () => rm(path, { recursive: true, force: true }),
  }))
}
