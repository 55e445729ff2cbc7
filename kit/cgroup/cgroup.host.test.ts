// Root and the real kernel. Whatever layout this machine has is the one that is tried.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest'
import { spawnDetached, type Detached } from '../process/detached.ts'
import { isAlive } from '../process/identity.ts'
import { openCgroups, type Cgroups } from './cgroups.ts'
import { evictedName, handDownAll } from './delegate.ts'
import type { Cgroup } from './group.ts'
import { inside } from './inside.ts'

const parent = `pandastack-test-${process.pid}`
let groups: Cgroups | undefined
let obstacle = ''

beforeAll(async () => {
  await openCgroups(parent).then(
    (opened) => (groups = opened),
    (error: Error) => (obstacle = process.getuid?.() === 0 ? error.message : 'needs root'),
  )
  console.log(groups ? `control groups: ${groups.layout.kind}` : `SKIP: ${obstacle}`)
})

afterAll(async () => {
  if (!groups) return
  expect(await groups.list()).toEqual([])
  await groups.removeParent()
})

const open = (context: TestContext): Cgroups => groups ?? context.skip(obstacle)

const start = (group: Cgroup, script: string): Promise<Detached> => {
  const { command, args } = inside(group.procsFiles, 'sh', ['-c', script])
  return spawnDetached(command, args)
}

/** Makes a group, and takes it away whatever happens inside. */
const within = async (
  opened: Cgroups,
  limits: Parameters<Cgroups['create']>[1],
  use: (group: Cgroup) => Promise<void>,
) => {
  const { group, held } = await opened.create('one', limits)
  expect(held).toEqual({
    cpu: limits.cpuCores !== undefined,
    memory: limits.memoryBytes !== undefined,
    pids: limits.pids !== undefined,
  })
  try {
    await use(group)
  } finally {
    await group.kill()
    await group.remove()
  }
}

test('a fork bomb stays within its limit and is gone after one kill', async (context) => {
  await within(open(context), { pids: 60, cpuCores: 0.5 }, async (group) => {
    await start(group, 'bomb() { bomb | bomb & }; while :; do bomb; done 2> /dev/null')
    await expect.poll(async () => (await group.stats()).pids, { timeout: 20_000 }).toBeGreaterThan(50)
    for (let look = 0; look < 20; look += 1) expect((await group.stats()).pids).toBeLessThanOrEqual(60)
    await group.kill()
    expect(await group.pids()).toEqual([])
  })
})

test('who takes more memory than allowed is ended, and the kernel says why', async (context) => {
  await within(open(context), { memoryBytes: 32 << 20, pids: 20 }, async (group) => {
    const hog = await start(group, 'head -c 400000000 /dev/zero | tail -c 300000000 > /dev/null; sleep 0.1')
    await hog.ended
    const stats = await group.stats()
    expect(stats.oomKills).toBeGreaterThan(0)
    if (stats.memoryPeakBytes !== null) expect(stats.memoryPeakBytes).toBeLessThanOrEqual(32 << 20)
  })
})

test('a process that spins is throttled and its time is counted', async (context) => {
  const opened = open(context)
  const dirOf = (group: Cgroup): string => {
    const root = opened.layout.v1Roots.get('cpu') ?? (opened.layout.unifiedRoot as string)
    return join(root, parent, group.name)
  }
  await within(opened, { cpuCores: 0.1 }, async (group) => {
    await start(group, 'while :; do :; done')
    const throttled = async () =>
      /nr_throttled (\d+)/.exec(await readFile(join(dirOf(group), 'cpu.stat'), 'utf8'))?.[1]
    await expect.poll(async () => Number(await throttled()), { timeout: 20_000 }).toBeGreaterThan(2)
    expect((await group.stats()).cpuUsageNs).toBeGreaterThan(0)
  })
})

test('a process that was added later counts and is killed like the others', async (context) => {
  await within(open(context), { pids: 10 }, async (group) => {
    const late = await spawnDetached('sleep', ['600'])
    await group.add(late.pid)
    expect(await group.pids()).toEqual([late.pid])
    await group.kill()
    expect(isAlive(late)).toBe(false)
  })
})

test('processes that entered only one of the hierarchies are found and killed too', async (context) => {
  await within(open(context), { pids: 10 }, async (group) => {
    for (const file of group.procsFiles) {
      const lost = await spawnDetached('sleep', ['600'])
      await writeFile(file, String(lost.pid))
      await group.kill()
      expect(isAlive(lost)).toBe(false)
    }
  })
})

test('a frozen group can be killed', async (context) => {
  const opened = open(context)
  await within(opened, { pids: 10 }, async (group) => {
    const sleeper = await start(group, 'sleep 600 & sleep 600')
    await expect.poll(async () => (await group.pids()).length).toBe(3)
    const freezer = opened.layout.v1Roots.get('freezer')
    if (freezer) await writeFile(join(freezer, parent, group.name, 'freezer.state'), 'FROZEN')
    else await writeFile(join(opened.layout.unifiedRoot as string, parent, group.name, 'cgroup.freeze'), '1')
    await group.kill()
    expect(isAlive(sleeper)).toBe(false)
  })
})

test('without the one-word kill, freezing and signals end a fork bomb as well', async (context) => {
  const opened = open(context)
  if (!opened.layout.v1Roots.has('freezer')) return context.skip('this machine has no version 1 freezer')
  const v1 = await openCgroups(parent, {
    ...opened.layout,
    kind: 'v1',
    unifiedRoot: null,
    unifiedControllers: [],
  })
  await within(v1, { pids: 60, cpuCores: 0.5 }, async (group) => {
    await start(group, 'bomb() { bomb | bomb & }; while :; do bomb; done 2> /dev/null')
    await expect.poll(async () => (await group.stats()).pids, { timeout: 20_000 }).toBeGreaterThan(50)
    await group.kill()
    expect(await group.pids()).toEqual([])
  })
})

test('a name is given once, and a group with processes is not removed', async (context) => {
  const opened = open(context)
  await within(opened, { pids: 10 }, async (group) => {
    await expect(opened.create(group.name, {})).rejects.toThrow('exists already')
    await start(group, 'sleep 600')
    await expect.poll(async () => (await group.pids()).length).toBe(2)
    await expect(group.remove({ deadlineMs: 20 })).rejects.toThrow('could not be removed')
    expect(await opened.list()).toEqual([group.name])
  })
})

test('a group that is gone answers with nothing and may be killed and removed again', async (context) => {
  const group = open(context).at('never-made')
  await group.kill()
  await group.remove()
  expect(await group.pids()).toEqual([])
  expect(await group.stats()).toEqual({
    cpuUsageNs: null,
    memoryCurrentBytes: null,
    memoryPeakBytes: null,
    oomKills: null,
    pids: null,
  })
})

test('processes in the way of handing a controller down are moved to a leaf', async (context) => {
  const { layout } = open(context)
  const root = layout.unifiedRoot
  if (root === null || !layout.unifiedControllers.includes('hugetlb')) {
    return context.skip('no version 2 tree with a controller to try this on')
  }
  const control = join(root, 'cgroup.subtree_control')
  const before = (await readFile(control, 'utf8')).split(/\s+/)
  const opened = await openCgroups(parent, {
    kind: 'v2',
    unifiedRoot: root,
    unifiedControllers: [],
    v1Roots: new Map(),
  })
  const { group } = await opened.create('one', {})
  const dir = group.dirs[0] as string
  try {
    await start(group, 'sleep 600 & sleep 600')
    await expect.poll(async () => (await group.pids()).length).toBe(3)
    await handDownAll([root, join(root, parent), dir], ['hugetlb'])
    expect(await readFile(join(dir, 'cgroup.subtree_control'), 'utf8')).toBe('hugetlb\n')
    expect((await readFile(join(dir, evictedName, 'cgroup.procs'), 'utf8')).trim().split('\n')).toHaveLength(
      3,
    )
    await group.kill()
  } finally {
    await group.kill()
    await group.remove()
    await writeFile(join(root, parent, 'cgroup.subtree_control'), '-hugetlb')
    if (!before.includes('hugetlb')) await writeFile(control, '-hugetlb')
  }
})
