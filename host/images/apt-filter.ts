// Picks the entries of the distribution itself out of a host's source lists. Packages of other vendors must not get
// into images, and their mirrors need keys and credentials that an image does not have. Pure.

import type { AptEntry } from './apt-entry.ts'
import type { Release } from './release.ts'

const components = {
  debian: new Set(['main', 'contrib', 'non-free', 'non-free-firmware']),
  ubuntu: new Set(['main', 'restricted', 'universe', 'multiverse']),
}

/** The release, its updates and its security fixes; not backports and not what is only proposed. */
const isSuite = (release: Release, suite: string): boolean =>
  ['', '-updates', '-security', '/updates'].some((tail) => suite === `${release.codename}${tail}`)

/** Path that mirrors of the distribution have, with a snapshot's date behind it where there is one. */
const isMirrorPath = (release: Release, uri: string): boolean => {
  const path = /^[a-z+]+:\/\/[^/]*(\/.*)?$/.exec(uri)?.[1] ?? ''
  const names = release.id === 'debian' ? 'debian|debian-security' : 'ubuntu|ubuntu-ports'
  return new RegExp(`/(${names})(/\\d{8}T\\d{6}Z)?/*$`).test(path)
}

/** Signed by the distribution's own keyring; without a named key, the shape of the address has to do. */
const isOwn = (release: Release, entry: AptEntry, uri: string): boolean => {
  const signedBy = entry.options['Signed-By']
  if (signedBy === undefined) return isMirrorPath(release, uri)
  const files = signedBy.split(/\s+/).filter((word) => word !== '')
  return files.every((file) =>
    new RegExp(`^/.*/${release.id}-archive-[a-z0-9-]+\\.(gpg|pgp|asc)$`).test(file),
  )
}

/** The distribution's entries for this release. Empty when there are none, which is for the caller to report. */
export const distributionEntries = (release: Release, entries: readonly AptEntry[]): AptEntry[] =>
  entries.flatMap((entry) => {
    const suites = entry.suites.filter((suite) => isSuite(release, suite))
    const known = entry.components.filter((component) => components[release.id].has(component))
    const uris = entry.uris.filter((uri) => /^(https?|file|mirror):/.test(uri) && isOwn(release, entry, uri))
    if (suites.length === 0 || known.length === 0 || uris.length === 0) return []
    // Ubuntu keeps pip, ripgrep and the like in universe, which lean servers leave out; every mirror carries it.
    const wanted = release.id === 'ubuntu' ? ['main', 'universe'] : ['main']
    return [{ ...entry, uris, suites, components: [...new Set([...known, ...wanted])] }]
  })

/** The same entry without the name and password that a private mirror's address may carry. */
export const withoutCredentials = (entry: AptEntry): AptEntry => ({
  ...entry,
  uris: entry.uris.map((uri) => uri.replace(/^([a-z+]+:\/\/)[^/@]*@/, '$1')),
})
