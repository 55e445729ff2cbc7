// The pure part, on the mount tables of the three layouts, and the version 2 way through a plain directory that stands
// in for the tree (a file system on which the kernel accepts everything).

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openCgroups } from './cgroups.ts'
import { inside } from './inside.ts'
import { parseLayout, versionOf, type Layout } from './layout.ts'
import { sameValue, settingsFor } from './limits.ts'
import { keyed, single } from './stats.ts'

const v2Mounts = `23 30 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw
35 23 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`
const v1Mounts = `31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
33 31 0:30 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,name=systemd
34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/pids rw shared:14 - cgroup cgroup rw,pids
52 49 0:32 / /srv/a\\040chroot/memory rw - cgroup cgroup rw,memory
`
const hybridMounts = `${v1Mounts}32 31 0:29 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw\n`

const layoutOf = (mounts: string, controllers = ''): Layout => {
  const layout = parseLayout(mounts, controllers)
  if (!layout) throw new Error('no layout')
  return layout
}
const v2 = layoutOf(v2Mounts, 'cpuset cpu io memory hugetlb pids rdma misc\n')
const v1 = layoutOf(v1Mounts)
const hybrid = layoutOf(hybridMounts, 'hugetlb\n')
const limits = { cpuCores: 1.5, memoryBytes: 1 << 30, pids: 100 }
const written = (layout: Layout) => settingsFor(layout, limits).map(({ file, value }) => `${file}=${value}`)

test('one tree with everything is version 2', () => {
  expect(v2).toMatchObject({ kind: 'v2', unifiedRoot: '/sys/fs/cgroup' })
  expect(['cpu', 'memory', 'pids', 'freezer'].map((name) => versionOf(v2, name))).toEqual([
    'v2',
    'v2',
    'v2',
    null,
  ])
})

test('mounts for each controller are version 1, and the first mount of each counts', () => {
  expect(v1).toMatchObject({ kind: 'v1', unifiedRoot: null, unifiedControllers: [] })
  expect(Object.fromEntries(v1.v1Roots)).toEqual({
    cpu: '/sys/fs/cgroup/cpu,cpuacct',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct',
    memory: '/sys/fs/cgroup/memory',
    pids: '/sys/fs/cgroup/pids',
  })
})

test('both at once are hybrid, with the limits in version 1', () => {
  expect(hybrid).toMatchObject({
    kind: 'hybrid',
    unifiedRoot: '/sys/fs/cgroup/unified',
    unifiedControllers: ['hugetlb'],
  })
  expect(versionOf(hybrid, 'memory')).toBe('v1')
  expect(versionOf(hybrid, 'hugetlb')).toBe('v2')
})

test('spaces in mount points are decoded', () => {
  expect(layoutOf(v1Mounts.split('\n').at(-2) ?? '').v1Roots.get('memory')).toBe('/srv/a chroot/memory')
})

test('a machine without control groups has no layout', () => {
  expect(parseLayout('23 30 0:22 / /sys rw - sysfs sysfs rw\n', '')).toBeNull()
})

test('limits become the files of version 2', () => {
  expect(written(v2)).toEqual([
    'cpu.max=150000 100000',
    'memory.max=1073741824',
    'memory.swap.max=0',
    'memory.oom.group=1',
    'pids.max=100',
  ])
})

test('limits become the files of version 1', () => {
  expect(written(hybrid)).toEqual(written(v1))
  expect(written(v1)).toEqual([
    'cpu.cfs_period_us=100000',
    'cpu.cfs_quota_us=150000',
    'memory.limit_in_bytes=1073741824',
    'memory.memsw.limit_in_bytes=1073741824',
    'memory.swappiness=0',
    'pids.max=100',
  ])
})

test('a tiny share of a processor is raised to what the kernel accepts', () => {
  expect(settingsFor(v2, { cpuCores: 0.001 })[0]?.value).toBe('1000 100000')
})

test.each([
  ['100', '100\n', true],
  ['100', '101\n', false],
  ['1073741825', '1073741824\n', true],
  ['1073741824', '9223372036854771712\n', false],
  ['1073741824', 'max\n', false],
])('a limit of %s read back as %j holds: %s', (asked, answer, same) => {
  expect(sameValue(asked, answer)).toBe(same)
})

test('figures that are missing are null, not zero', () => {
  expect(keyed('usage_usec 12\nuser_usec 3\n', 'usage_usec')).toBe(12)
  expect(keyed('oom_kill_disable 0\nunder_oom 0\noom_kill 4\n', 'oom_kill')).toBe(4)
  expect([keyed(null, 'x'), keyed('xx 1\n', 'x'), single(null), single('max\n'), single('7\n')]).toEqual([
    null,
    null,
    null,
    null,
    7,
  ])
})

test('a command is put into its groups without a word of it being read by a shell', () => {
  const { command, args } = inside(['/a/cgroup.procs'], 'printf', ['%s', '$(id) --'])
  expect([command, args.slice(2)]).toEqual([
    '/bin/sh',
    ['inside', '/a/cgroup.procs', '--', 'printf', '%s', '$(id) --'],
  ])
})

const standIn = (): Layout => {
  const root = mkdtempSync(join(tmpdir(), 'cgroup-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'house/inner'), { recursive: true })
  for (const dir of ['', 'house', 'house/inner']) writeFileSync(join(root, dir, 'cgroup.subtree_control'), '')
  return { kind: 'v2', unifiedRoot: root, unifiedControllers: ['cpu', 'memory', 'pids'], v1Roots: new Map() }
}

test('in version 2 each level on the way hands the controllers down, and the group gets its limits', async () => {
  const layout = standIn()
  const root = layout.unifiedRoot as string
  const groups = await openCgroups('house/inner', layout)
  const { group, held } = await groups.create('one', limits)
  expect(held).toEqual({ cpu: true, memory: true, pids: true })
  for (const dir of ['', 'house', 'house/inner']) {
    expect(readFileSync(join(root, dir, 'cgroup.subtree_control'), 'utf8')).toBe('+pids')
  }
  expect(readFileSync(join(root, 'house/inner/one/memory.max'), 'utf8')).toBe('1073741824')
  expect(group.procsFiles).toEqual([join(root, 'house/inner/one/cgroup.procs')])
  expect(await groups.list()).toEqual(['one'])
})

test('a limit that the machine cannot hold refuses the group, unless that was allowed', async () => {
  const layout = { ...standIn(), unifiedControllers: ['cpu', 'pids'] }
  const groups = await openCgroups('house', layout)
  expect(groups.canHold).toEqual({ cpu: true, memory: false, pids: true })
  const onlyMemory = { memoryBytes: 1 << 30 }
  await expect(groups.create('one', onlyMemory)).rejects.toThrow('no limit for memory')
  expect(existsSync(join(layout.unifiedRoot as string, 'house/one'))).toBe(false)
  expect((await groups.create('two', onlyMemory, { allowMissingLimits: true })).held.memory).toBe(false)
})

test.each(['', '.', '..', 'a/b', '../x', '_evicted', 'a\0b', 'a b', 'x'.repeat(200)])(
  '%j is no name for a group',
  async (name) => {
    const groups = await openCgroups('house', standIn())
    expect(() => groups.at(name)).toThrow('not a name')
    await expect(openCgroups(`house/${name}/x/..`, standIn())).rejects.toThrow('not a name')
  },
)
