// Everything that a build takes from the host: release, the distribution's mirrors, apt's way to them, trust. Reads only;
// fails with UnsupportedHost when images cannot be built here.

import { readFile, readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { parseDeb822, parseOneLine, type AptEntry } from './apt-entry.ts'
import { distributionEntries } from './apt-filter.ts'
import { networkOptions } from './apt-options.ts'
import { certificatesIn } from './certificates.ts'
import { parseRelease, UnsupportedHost, type Release } from './release.ts'

export interface HostSetup {
  release: Release
  /** As the distribution calls it: `amd64`, `arm64`. */
  architecture: string
  sources: AptEntry[]
  aptOptions: string[]
  certificates: string[]
}

export interface HostSetupOptions {
  /** Files with certificates to trust besides what the host trusts by itself. Each has to exist. */
  extraCaFiles: readonly string[]
  signal?: AbortSignal
}

const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')

const namesIn = (dir: string): Promise<string[]> =>
  readdir(dir).then(
    (names) => names.sort(),
    () => [],
  )

/** Cloud images name a file that lists mirrors; a build needs the mirrors themselves. */
const expandMirrors = async (entry: AptEntry): Promise<AptEntry> => {
  const expanded = entry.uris.map(async (uri) => {
    const file = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri)?.[1]
    if (file === undefined) return [uri]
    const lines = (await textOf(file))
      .split('\n')
      .map((line) => line.replace(/#.*/, '').trim().split(/\s/)[0] ?? '')
    return lines.filter((line) => line !== '').slice(0, 1)
  })
  return { ...entry, uris: (await Promise.all(expanded)).flat() }
}

const readSources = async (aptDir: string): Promise<AptEntry[]> => {
  const entries = parseOneLine(await textOf(join(aptDir, 'sources.list')))
  const parts = join(aptDir, 'sources.list.d')
  for (const name of await namesIn(parts)) {
    const text = await textOf(join(parts, name))
    if (extname(name) === '.list') entries.push(...parseOneLine(text))
    if (extname(name) === '.sources') entries.push(...parseDeb822(text))
  }
  return Promise.all(entries.map(expandMirrors))
}

const readCertificates = async (extraCaFiles: readonly string[]): Promise<string[]> => {
  const local = '/usr/local/share/ca-certificates'
  const added = (await namesIn(local)).filter((name) => name.endsWith('.crt'))
  const texts = await Promise.all([
    textOf('/etc/ssl/certs/ca-certificates.crt'),
    ...added.map((name) => textOf(join(local, name))),
    ...extraCaFiles.map((path) => readFile(path, 'utf8')),
  ])
  return certificatesIn(...texts)
}

export const readHostSetup = async (options: HostSetupOptions): Promise<HostSetup> => {
  const { extraCaFiles, signal } = options
  const release = parseRelease(await textOf('/etc/os-release'))
  const sources = distributionEntries(release, await readSources('/etc/apt'))
  if (sources.length === 0) {
    throw new UnsupportedHost(
      `/etc/apt names no mirror of ${release.id} ${release.codename} to build images from`,
    )
  }
  const tool = { deadlineMs: 30_000, ...(signal && { signal }) }
  const dump = await runChecked('apt-config', ['dump'], tool)
  const { stdout } = await runChecked('dpkg', ['--print-architecture'], tool)
  return {
    release,
    architecture: stdout.trim(),
    sources,
    aptOptions: networkOptions(dump.stdout),
    certificates: await readCertificates(extraCaFiles),
  }
}
