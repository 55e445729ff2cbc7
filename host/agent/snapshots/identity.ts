// How the files of a directory look from outside: a change of any byte by ordinary means changes it. Not a checksum.

import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'

/** Empty when it cannot be told. */
export const identityOf = async (dir: string): Promise<string> => {
  try {
    const names = (await readdir(dir)).sort()
    const looks = await Promise.all(
      names.map(async (name) => {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path.join(dir, name), { bigint: true })
        return `${name} ${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
      }),
    )
    return looks.join('\n')
  } catch {
    return ''
  }
}
