// How a process without privileges sees the checkout: read-only, at a path that everybody may enter. The checkout itself
// is often below /root, where only root can go, so the process is given a mount namespace with a view of it.

import { mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Home } from './home.ts'

export const viewDir = (home: Home): string => join(home.dir, 'app')

/** A path of the checkout as it is named inside the view. */
export const inView = (home: Home, path: string): string => join(viewDir(home), relative(home.checkout, path))

const script = `set -e
mount --bind "$1" "$2"
mount -o remount,bind,ro,nosuid "$2"
cd "$2"
shift 2
exec "$@"`

const ownMounts = ['unshare', '--mount', '--propagation', 'private']

/** Argument list that sets up the view and then becomes the command behind it. */
export const withView = (home: Home): string[] => [
  ...ownMounts,
  'sh',
  '-c',
  script,
  'view',
  home.checkout,
  viewDir(home),
]

export const prepareView = async (home: Home): Promise<void> => {
  await mkdir(viewDir(home), { recursive: true, mode: 0o755 })
}
