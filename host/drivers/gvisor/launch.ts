// Values in, command lines and the OCI specification out. Pure; the only file that knows runsc's flags and annotations.

import path from 'node:path'
import type { Image, Limits, Place } from '@pandastack/driver/values.ts'
import type { GvisorConfig } from './config.ts'

/** Ids of one machine's user namespace: guest uid N is host uid `uidBase + N`. */
export const uidRange = 65_536

/**
 * Flags before the verb. Specification checks at restore are off because the uid range differs per machine.
 */
export const globalFlags = (config: GvisorConfig): string[] => [
  `--root=${config.stateDir}`,
  '--platform=systrap',
  '--network=sandbox',
  '--ignore-cgroups',
  '--allow-suid',
  '--host-uds=none',
  '--host-fifo=none',
  '--restore-spec-validation=ignore',
]

/** Root inside is root of its own kernel only, so it gets what root has; NET_RAW stays out with raw sockets. */
const capabilities = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_KILL',
  'CAP_LEASE',
  'CAP_MKNOD',
  'CAP_NET_ADMIN',
  'CAP_NET_BIND_SERVICE',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_ADMIN',
  'CAP_SYS_CHROOT',
  'CAP_SYS_NICE',
  'CAP_SYS_PTRACE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
]

const tmpfs = (destination: string, sizeMb: number) => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options: ['nosuid', 'nodev', `size=${sizeMb}m`, 'mode=1777'],
})

/**
 * An empty read-only directory. runsc puts the overlay into a file of the host only where a gofer runs, and it starts a
 * gofer only for a bind mount; without it the disk would be memory.
 */
const anchor = (place: Place) => ({
  destination: '/run/pandastack/anchor',
  type: 'bind',
  source: rootDir(place),
  options: ['ro', 'bind', 'nosuid', 'nodev', 'noexec'],
})

/** Keeps the root's overlay in an unlinked file in the machine's own directory. */
export const diskFlag = (place: Place): string => `--overlay2=root:dir=${diskDir(place)}`

/** The OCI runtime specification of a machine: `args` is the image's first process. */
export function ociSpec(place: Place, image: Image, limits: Limits, args: string[]): object {
  const ids = [{ containerID: 0, hostID: place.uidBase, size: uidRange }]
  const memoryHalfMb = Math.max(32, Math.floor(limits.memoryMb / 2))
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args,
      cwd: '/',
      env: Object.entries(image.env).map(([name, value]) => `${name}=${value}`),
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        inheritable: [],
        permitted: capabilities,
        ambient: [],
      },
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 65_536, hard: 65_536 }],
    },
    root: { path: rootDir(place), readonly: false },
    hostname: 'sandbox',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/sys', type: 'sysfs', source: 'sysfs' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts' },
      tmpfs('/dev/shm', memoryHalfMb),
      tmpfs('/tmp', memoryHalfMb),
      anchor(place),
    ],
    annotations: {
      'dev.gvisor.spec.rootfs.source': image.erofsPath,
      'dev.gvisor.spec.rootfs.type': 'erofs',
      'dev.gvisor.spec.rootfs.overlay': `dir=${diskDir(place)}`,
      'dev.gvisor.spec.rootfs.options': `size=${limits.diskMb}m`,
    },
    linux: {
      namespaces: [
        { type: 'pid' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'user' },
        { type: 'network', path: place.nic.netnsPath },
      ],
      uidMappings: ids,
      gidMappings: ids,
    },
  }
}

/** An empty directory: the root file system is the image, mounted by the sandbox's own kernel. */
export const rootDir = (place: Place): string => path.join(place.dir, 'root')
export const diskDir = (place: Place): string => path.join(place.dir, 'disk')
export const pidFile = (place: Place): string => path.join(place.dir, 'pid')
export const logFile = (place: Place): string => path.join(place.dir, 'runsc.log')

/** Arguments of the launcher that starts an empty sandbox inside the machine's cgroup. */
export function createArgs(config: GvisorConfig, place: Place): string[] {
  return [
    ...place.cgroupProcsFiles.flatMap((file) => ['--procs', file]),
    '--nofile',
    '16384',
    '--oom-score-adj',
    '500',
    '--stdio',
    'null',
    '--',
    config.runscPath,
    ...globalFlags(config),
    diskFlag(place),
    `--log=${logFile(place)}`,
    '--log-format=json',
    `--panic-log=${path.join(place.dir, 'panic.log')}`,
    'create',
    '--bundle',
    place.dir,
    '--pid-file',
    pidFile(place),
    place.machineId,
  ]
}
