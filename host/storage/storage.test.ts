import { expect, test } from 'vitest'
import { createLeases } from './leases.ts'
import { judgeSpace } from './free-space.ts'
import { judgeLeaks } from './leaks.ts'
import { BadMachineId, machineDir } from './machine-dirs.ts'
import { parseMounts } from './mounts.ts'
import { BadSnapshotId, snapshotDirs } from './snapshot-dirs.ts'

const machine = '0b7e8d2c-5a41-4f0e-9c57-2f6f8f1c3d4e'
const other = '7c1f0a55-93f2-4a6b-8b0e-5d1c2e3f4a5b'

test('a path stays held until its last lease is given back, and giving back twice counts once', () => {
  const leases = createLeases()
  const first = leases.take('/data/images/a')
  const second = leases.take('/data/images/../images/a')
  first.release()
  first.release()
  expect(leases.held('/data/images/a')).toBe(true)
  second[Symbol.dispose]()
  expect(leases.held('/data/images/a')).toBe(false)
})

const noIds = ['..', '../../etc', '', 'a/b', `${machine}/..`, machine.toUpperCase(), `${machine}\0`]

test.each(noIds)('the machine id %j never becomes a path', (id) =>
  expect(() => machineDir('/data', id)).toThrow(BadMachineId),
)

test.each(noIds)('the snapshot id %j never becomes a path', async (id) => {
  const { path, make, publish, abandon, remove, clone } = snapshotDirs('/data')
  expect(() => path(id)).toThrow(BadSnapshotId)
  const tries = [make(id), publish(id, { durable: false }), abandon(id), remove(id), clone(id, other)]
  for (const attempt of [...tries, clone(other, id)]) await expect(attempt).rejects.toThrow(BadSnapshotId)
})

test('mount points with spaces and missing sources are read as the kernel means them', () => {
  const text = [
    '36 35 98:0 / /data rw,noatime shared:1 - xfs /dev/loop3 rw,attr2',
    String.raw`37 36 0:45 / /data/with\040space rw - tmpfs none rw`,
    'nonsense',
  ].join('\n')
  expect(parseMounts(text)).toEqual([
    { path: '/data', fs: 'xfs', source: '/dev/loop3' },
    { path: '/data/with space', fs: 'tmpfs', source: 'none' },
  ])
})

test('what known machines have and the mounted volume are no leaks', () => {
  const found = {
    machineDirs: [machine],
    mounts: [
      { path: '/data', fs: 'xfs', source: '/dev/loop0' },
      { path: `/data/machines/${machine}/disk`, fs: 'ext4', source: '/dev/loop1' },
    ],
    loops: [
      { device: '/dev/loop0', backingFile: '/data.xfs' },
      { device: '/dev/loop1', backingFile: `/data/machines/${machine}/disk.img` },
      { device: '/dev/loop2', backingFile: '/elsewhere.img' },
    ],
  }
  expect(judgeLeaks('/data', new Set([machine]), found)).toEqual([])
})

test('directories, mounts and loop devices of nobody are named', () => {
  const found = {
    machineDirs: [machine, other, '.removed-x'],
    mounts: [{ path: `/data/machines/${other}/disk`, fs: 'ext4', source: '/dev/loop1' }],
    loops: [
      { device: '/dev/loop0', backingFile: '/data.xfs' },
      { device: '/dev/loop1', backingFile: `/data/machines/${other}/disk.img` },
    ],
  }
  const names = judgeLeaks('/data', new Set([machine]), found).map(({ kind, name }) => `${kind} ${name}`)
  expect(names).toEqual([
    `file /data/machines/${other}`,
    'file /data/machines/.removed-x',
    `mount /data/machines/${other}/disk`,
    'mount /dev/loop0',
    'mount /dev/loop1',
  ])
})

test('room is what the tightest file system has', () => {
  const gib = 1024 ** 3
  const mark = { leastBytes: 2 * gib, leastShare: 0.05 }
  const volume = { freeBytes: 90 * gib, totalBytes: 100 * gib }
  expect(judgeSpace([volume, { freeBytes: gib, totalBytes: 200 * gib }], mark)).toEqual({
    freeBytes: gib,
    totalBytes: 100 * gib,
    low: true,
  })
  expect(judgeSpace([volume], mark).low).toBe(false)
  expect(judgeSpace([{ freeBytes: gib / 5, totalBytes: gib }], mark).low).toBe(false)
})
