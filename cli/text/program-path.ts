// Where a program is that is named without its directory, as a shell would find it.

import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

export const programPath = (program: string, path: string): string => {
  if (program.includes('/')) return program
  for (const dir of path.split(':').filter((part) => part !== '')) {
    const full = join(dir, program)
    try {
      accessSync(full, constants.X_OK)
      return full
    } catch {
      // Not here.
    }
  }
  throw new Error(`${program} is not installed`)
}
