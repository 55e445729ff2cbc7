// Which control groups this machine has. Each controller lives in exactly one place: a version 1 mount of its own, or
// the version 2 tree. Three layouts come of it:
//   v2      one tree with everything (most systems of today)
//   v1      one mount for each controller, no tree
//   hybrid  limits in the version 1 mounts, and a version 2 tree that can still track and kill
// Reads two files at detection; the value does not change afterwards.

import { readFile } from 'node:fs/promises'

export type LimitController = 'cpu' | 'memory' | 'pids'

export interface Layout {
  kind: 'v2' | 'v1' | 'hybrid'
  /** Root of the version 2 tree; null in a v1 layout. */
  unifiedRoot: string | null
  /** Controllers of the version 2 tree. */
  unifiedControllers: readonly string[]
  /** Mount by controller, of the version 1 mounts. */
  v1Roots: ReadonlyMap<string, string>
}

const known =
  'cpu cpuacct cpuset memory pids freezer blkio devices hugetlb net_cls net_prio perf_event rdma misc'.split(
    ' ',
  )

interface Mount {
  path: string
  type: string
  options: string[]
}

const unescape = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

const parseMount = (line: string): Mount => {
  const [left = '', right = ''] = line.split(' - ')
  const [type = '', , options = ''] = right.split(' ')
  return { path: unescape(left.split(' ')[4] ?? ''), type, options: options.split(',') }
}

/** Null if no control groups are mounted. `unifiedText` is the text of cgroup.controllers at the version 2 root. */
export const parseLayout = (mountinfo: string, unifiedText: string): Layout | null => {
  const mounts = mountinfo.split('\n').map(parseMount)
  const unifiedRoot = mounts.find(({ type }) => type === 'cgroup2')?.path ?? null
  const v1Roots = new Map<string, string>()
  for (const { path, type, options } of mounts) {
    if (type !== 'cgroup') continue
    // A chroot or a container may repeat the mounts: the first one is ours.
    for (const name of known) if (options.includes(name) && !v1Roots.has(name)) v1Roots.set(name, path)
  }
  if (unifiedRoot === null && v1Roots.size === 0) return null
  const kind = v1Roots.size === 0 ? 'v2' : unifiedRoot === null ? 'v1' : 'hybrid'
  const unifiedControllers = unifiedRoot === null ? [] : unifiedText.split(/\s+/).filter(Boolean)
  return { kind, unifiedRoot, unifiedControllers, v1Roots }
}

/** Where a limit is set: version 2, version 1, or nowhere. */
export const versionOf = (layout: Layout, controller: string): 'v2' | 'v1' | null => {
  if (layout.v1Roots.has(controller)) return 'v1'
  return layout.unifiedControllers.includes(controller) ? 'v2' : null
}

/** The layout of the machine we run on; null without control groups. */
export const detect = async (): Promise<Layout | null> => {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8')
  const root = parseLayout(mountinfo, '')?.unifiedRoot
  const controllers = root ? await readFile(`${root}/cgroup.controllers`, 'utf8') : ''
  return parseLayout(mountinfo, controllers)
}
