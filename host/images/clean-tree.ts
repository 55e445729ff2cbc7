// Takes out of a tree what building it left behind and nobody misses. Removes names; follows no link.

import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Emptied; the directories themselves stay, with their modes. */
const emptied = [
  'dev',
  'run',
  'tmp',
  'var/tmp',
  'var/cache/apt',
  'var/cache/ldconfig',
  'var/lib/apt/lists',
  'usr/share/doc',
  'usr/share/man',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/lintian',
]

/** Old copies that tools keep of their own files. */
const removed = [
  'etc/passwd-',
  'etc/group-',
  'etc/shadow-',
  'etc/gshadow-',
  'var/lib/dpkg/status-old',
  'var/cache/debconf/config.dat-old',
  'var/cache/debconf/templates.dat-old',
  'var/log/alternatives.log',
  'var/log/apt',
  'var/log/bootstrap.log',
  'var/log/dpkg.log',
]

/** Each machine gets its own when it thaws; empty files rather than links, so that they can be written in place. */
const blank = ['etc/machine-id', 'etc/resolv.conf']

export const cleanTree = async (tree: string): Promise<void> => {
  for (const dir of emptied) {
    for (const name of await readdir(join(tree, dir)).catch(() => [])) {
      await rm(join(tree, dir, name), { recursive: true, force: true })
    }
  }
  for (const path of removed) await rm(join(tree, path), { recursive: true, force: true })
  for (const path of blank) {
    await rm(join(tree, path), { force: true })
    await writeFile(join(tree, path), '', { flag: 'wx', mode: 0o644 })
  }
}
