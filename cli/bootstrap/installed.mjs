// Exits 0 when node_modules of the checkout named in argv holds what its package-lock.json wants for this machine.
// Reads the list that npm keeps of what it installed; plain JavaScript, because it decides whether to install at all.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const read = (name) => JSON.parse(readFileSync(join(process.argv[2] ?? '.', name), 'utf8')).packages

const complete = () => {
  const wanted = read('package-lock.json')
  const present = read('node_modules/.package-lock.json')
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true
    const found = present[path]
    if (found === undefined) return entry.optional === true
    return entry.link === true ? found.link === true : found.version === entry.version
  })
}

try {
  process.exitCode = complete() ? 0 : 1
} catch {
  process.exitCode = 1
}
