// Two disks compared, each known by what differs from the same image: pure. A path that one side leaves out is there as
// the image has it.

import type { ChangedFile } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import type { Changes } from '../ports/host-port.ts'

export interface Difference {
  path: string
  change: ChangedFile['change']
  kind: ChangedFile['kind']
  sizeBytes: number
  /** Of both sides; null where there is none, or it is no small text. */
  before: string | null
  after: string | null
}

/** What every thaw writes anew into each sandbox: no difference that anybody made. */
const identityFiles: ReadonlySet<string> = new Set([
  '/etc/hostname',
  '/etc/hosts',
  '/etc/machine-id',
  '/etc/resolv.conf',
])

/** A file as one side has it. */
interface Side {
  exists: boolean
  /** What would have to be equal for the two to be the same. */
  content: string
  text: string | null
}

const own = (file: ChangedFile): Side => ({
  exists: file.change !== 'removed',
  content: `${file.kind} ${file.mode} ${file.sha256}`,
  text: file.text,
})

/** As the image has it, told by what the other side says of its own. */
const ofImage = (other: ChangedFile): Side => ({
  exists: other.change !== 'added',
  content: '',
  text: other.baseText,
})

/** Sorted by path. */
export const changesBetween = (from: Changes, to: Changes): Difference[] => {
  const before = new Map(from.files.map((file) => [file.path, file]))
  const after = new Map(to.files.map((file) => [file.path, file]))
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter((path) => !identityFiles.has(path))
  return paths.sort().flatMap((path) => differ(path, before.get(path), after.get(path)) ?? [])
}

const differ = (path: string, a: ChangedFile | undefined, b: ChangedFile | undefined): Difference | null => {
  const shown = b ?? a
  if (!shown) return null
  const from = a ? own(a) : ofImage(shown)
  const to = b ? own(b) : ofImage(shown)
  if (!from.exists && !to.exists) return null
  if (from.exists && to.exists && a && b && from.content === to.content) return null
  return {
    path,
    change: !from.exists ? 'added' : !to.exists ? 'removed' : 'changed',
    kind: shown.kind,
    sizeBytes: b && to.exists ? b.sizeBytes : 0,
    before: from.exists ? from.text : null,
    after: to.exists ? to.text : null,
  }
}
