// Values in, command lines out. Pure. A shell is a process that stops itself; a machine is the same process, gone on.

import path from 'node:path'
import type { Place } from '@pandastack/driver/values.ts'
import type { FakeConfig } from './config.ts'

/** Variable by which the processes of a machine are known. */
export const marker = 'PANDASTACK_FAKE'
export const markOf = (config: FakeConfig, machineId: string): string => `${config.installation}/${machineId}`

/** What the real guest agent may write to, and what of it a capture keeps. */
export const diskDir = (place: Place): string => path.join(place.dir, 'disk')
export const diskParts = ['home', 'tmp'] as const

const usualGuestPort = 49_983
export const guestPortOf = (place: Place): number => place.nic.guestPort ?? usualGuestPort

/**
 * The guest agent believes that the system is its own and renames it, so it gets names and mounts of its own; what is
 * not writable here stays the host's. The binary is opened first: mounts may cover its path.
 */
const privateSystem = `set -e
exec 9<"$1"
mount --bind "$2" /mnt
mount -t tmpfs tmpfs /run
mkdir -p /run/etc/up /run/etc/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work overlay /etc
mount --bind /mnt/home /root
mount --bind /mnt/tmp /tmp
kill -STOP $$
exec /proc/self/fd/9 -listen "$3"`

const standIn = 'kill -STOP $$; exec sleep infinity'

/** Root gives up the right to set the clock, which is the host's; others get a user namespace and never have it. */
const namespaces = (root: boolean): string[] =>
  root
    ? ['setpriv', '--bounding-set=-sys_time', '--', 'unshare', '--mount', '--uts', '--']
    : ['unshare', '--user', '--map-root-user', '--mount', '--uts', '--']

export interface Command {
  program: string
  args: string[]
  env: Record<string, string>
}

export const shellCommand = (config: FakeConfig, place: Place, root: boolean): Command => {
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    [marker]: markOf(config, place.machineId),
  }
  if (config.guestPath === undefined) return { program: 'sh', args: ['-c', standIn], env }
  const listen = `${place.nic.hostAddress}:${guestPortOf(place)}`
  const [program = '', ...before] = namespaces(root)
  const args = [...before, 'sh', '-c', privateSystem, 'sh', config.guestPath, diskDir(place), listen]
  return { program, args, env }
}
