import { expect, test } from 'vitest'
import type { Image, Limits, Place } from '@pandastack/driver/values.ts'
import { createArgs, ociSpec } from './launch.ts'

const place: Place = {
  machineId: '3d8de506-d028-4729-bf0f-9640105f82fe',
  dir: '/data/machines/x',
  uidBase: 1_073_807_360,
  cgroupProcsFiles: ['/cg/memory/x/cgroup.procs', '/cg/pids/x/cgroup.procs'],
  nic: {
    slot: 1,
    netnsPath: '/run/netns/ps-1',
    device: 'eth0',
    mac: '02:00:0a:c8:00:02',
    guestAddress: '10.200.0.2',
    prefixLength: 30,
    gateway: '10.200.0.1',
    hostAddress: '10.201.0.1',
  },
}
const image: Image = {
  name: 'base',
  digest: 'd',
  erofsPath: '/data/images/base.erofs',
  sizeBytes: 1,
  env: { LANG: 'C.UTF-8' },
  user: 'root',
  workdir: '/',
}
const limits: Limits = { cpu: 2, memoryMb: 1024, diskMb: 4096, pids: 512 }

interface Spec {
  annotations: Record<string, string>
  linux: { namespaces: { type: string; path?: string }[]; uidMappings: object[]; gidMappings: object[] }
  mounts: { type: string; options?: string[]; source: string }[]
}
const spec = ociSpec(place, image, limits, ['/init']) as Spec

test('guest root is a user of its own on the host', () => {
  const mapping = [{ containerID: 0, hostID: 1_073_807_360, size: 65_536 }]
  expect(spec.linux.uidMappings).toEqual(mapping)
  expect(spec.linux.gidMappings).toEqual(mapping)
  expect(spec.linux.namespaces).toContainEqual({ type: 'user' })
})

test('the disk is bounded and the image is mounted by the sandbox itself', () => {
  expect(spec.annotations).toMatchObject({
    'dev.gvisor.spec.rootfs.source': '/data/images/base.erofs',
    'dev.gvisor.spec.rootfs.type': 'erofs',
    'dev.gvisor.spec.rootfs.options': 'size=4096m',
  })
})

test('the only thing of the host that is mounted is an empty directory, read-only', () => {
  const binds = spec.mounts.filter((mount) => mount.type === 'bind')
  expect(binds).toHaveLength(1)
  expect(binds[0]?.source).toBe('/data/machines/x/root')
  expect(binds[0]?.options).toContain('ro')
})

test('the sandbox starts inside its cgroups, on no host socket, pipe or network', () => {
  const args = createArgs(
    {
      runscPath: '/r',
      launcherPath: '/l',
      stateDir: '/s',
      commandDeadlineMs: 1,
      restoreDeadlineMs: 1,
      captureDeadlineMs: 1,
    },
    place,
  )
  expect(args.slice(0, 4)).toEqual([
    '--procs',
    '/cg/memory/x/cgroup.procs',
    '--procs',
    '/cg/pids/x/cgroup.procs',
  ])
  expect(args).toEqual(
    expect.arrayContaining([
      '--host-uds=none',
      '--host-fifo=none',
      '--network=sandbox',
      '--platform=systrap',
    ]),
  )
  expect(args.at(-1)).toBe(place.machineId)
})
