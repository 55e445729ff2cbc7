// Kernel settings of this network namespace. Owns none: what is switched on here for all (forwarding) stays on, because
// others may have come to rely on it.

import { readFile, writeFile } from 'node:fs/promises'

const root = '/proc/sys/net'

export const readSysctl = async (path: string): Promise<string | undefined> => {
  try {
    return (await readFile(`${root}/${path}`, 'utf8')).trim()
  } catch {
    return undefined
  }
}

export const writeSysctl = (path: string, value: string): Promise<void> => writeFile(`${root}/${path}`, value)

/** A kernel without IPv6 has no such settings, and needs none. */
export const writeSysctls = async (settings: readonly [path: string, value: string][]): Promise<void> => {
  for (const [path, value] of settings) {
    try {
      await writeSysctl(path, value)
    } catch (error) {
      const absent = (error as NodeJS.ErrnoException).code === 'ENOENT'
      if (!absent || !path.startsWith('ipv6/')) throw error
    }
  }
}
