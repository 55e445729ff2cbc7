// What is mounted where, and which loop device lies over which file, as the kernel tells it. Reads only.

import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

export interface Mount {
  path: string
  fs: string
  source: string
}

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

/** Lines of /proc/self/mountinfo, in the order of mounting. */
export const parseMounts = (text: string): Mount[] =>
  text.split('\n').flatMap((line) => {
    const [before = '', after] = line.split(' - ', 2)
    const path = before.split(' ')[4]
    const [fs, source] = (after ?? '').split(' ')
    return path && fs && source ? [{ path: unescape(path), fs, source: unescape(source) }] : []
  })

export const mounts = async (): Promise<Mount[]> =>
  parseMounts(await readFile('/proc/self/mountinfo', 'utf8'))

/** What is on top at exactly this path; undefined if it is no mount point. */
export const mountAt = async (path: string): Promise<Mount | undefined> =>
  (await mounts()).findLast((mount) => mount.path === path)

/** Mount points below a directory, itself not included. */
export const mountsBelow = (all: readonly Mount[], dir: string): Mount[] =>
  all.filter((mount) => mount.path.startsWith(`${dir}/`))

export interface LoopDevice {
  device: string
  backingFile: string
}

const backingFileOf = (name: string): Promise<string> =>
  readFile(join('/sys/block', name, 'loop/backing_file'), 'utf8').then(
    (text) => text.trim(),
    () => '',
  )

/** Loop devices that lie over a file now. */
export const loopDevices = async (): Promise<LoopDevice[]> => {
  const names = (await readdir('/sys/block')).filter((name) => /^loop\d+$/.test(name))
  const all = await Promise.all(
    names.map(async (name) => ({ device: `/dev/${name}`, backingFile: await backingFileOf(name) })),
  )
  return all.filter(({ backingFile }) => backingFile !== '')
}
