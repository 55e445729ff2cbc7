// The map of the house: which folder is which room, on which level and in which trust zone.
// Pure data and lookups; a folder that is missing on disk does no harm here.

export type Zone = 'both' | 'control' | 'host' | 'client' | 'workshop'

export interface Room {
  /** Folder from the root of the checkout; `*` stands for one folder name. */
  folder: string
  /** What follows `@pandastack/` in imports; `*` is the same folder name. */
  package: string
  level: number
  zone: Zone
}

const room = (folder: string, name: string, level: number, zone: Zone): Room => ({
  folder,
  package: name,
  level,
  zone,
})

export const rooms: readonly Room[] = [
  room('contracts', 'contracts', 0, 'both'),
  room('kit', 'kit', 1, 'both'),
  room('db', 'db', 2, 'control'),
  room('host/driver', 'driver', 2, 'host'),
  room('core', 'core', 3, 'control'),
  room('host/drivers/*', 'driver-*', 3, 'host'),
  room('host/storage', 'storage', 3, 'host'),
  room('host/network', 'network', 3, 'host'),
  room('host/images', 'images', 3, 'host'),
  room('host-client', 'host-client', 4, 'control'),
  room('api', 'api', 4, 'control'),
  room('compat/*', 'compat-*', 4, 'control'),
  room('edge', 'edge', 4, 'control'),
  room('control-plane', 'control-plane', 5, 'control'),
  room('host/agent', 'agent', 5, 'host'),
  room('sdk/typescript', 'client', 6, 'client'),
  room('cli', 'cli', 7, 'client'),
  room('dashboard', 'dashboard', 7, 'client'),
  room('testing', 'testing', 8, 'workshop'),
  room('bench', 'bench', 8, 'workshop'),
  room('acceptance', 'acceptance', 8, 'workshop'),
  room('tools/tidy', 'tidy', 8, 'workshop'),
  room('tools/codegen', 'codegen', 8, 'workshop'),
]

const substitute = (pattern: string, star: string): string => pattern.replace('*', star)

const capture = (pattern: string, text: string, tail: string): string | undefined => {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replace('*', '([^/]+)')
  const match = new RegExp(`^${source}${tail}`).exec(text)
  return match ? (match[1] ?? '') : undefined
}

/** The room that a path from the root lies in; undefined for files at the root and unknown folders. */
export const roomOf = (path: string): Room | undefined => {
  for (const candidate of rooms) {
    const star = capture(candidate.folder, path, '/')
    if (star === undefined) continue
    return {
      ...candidate,
      folder: substitute(candidate.folder, star),
      package: substitute(candidate.package, star),
    }
  }
  return undefined
}

/** The path from the root behind `@pandastack/<package>/<path>`; undefined if no room has that package name. */
export const pathOfImport = (specifier: string): string | undefined => {
  const match = /^@pandastack\/([^/]+)(?:\/(.*))?$/.exec(specifier)
  if (!match) return undefined
  const [, name = '', rest = ''] = match
  for (const candidate of rooms) {
    const star = capture(candidate.package, name, '$')
    if (star !== undefined) return `${substitute(candidate.folder, star)}/${rest}`
  }
  return undefined
}

/** Tests and what only tests load: edges are loose there, and a test is the root of its own small world. */
export const isTest = (path: string): boolean =>
  /\.test\.tsx?$/.test(path) || /(^|\/)fixtures\//.test(path) || /^(testing|acceptance)\//.test(path)
