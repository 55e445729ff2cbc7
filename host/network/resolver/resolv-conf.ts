// The name servers that this host itself asks, read again when the file changes, at most once a second.
// Owns nothing; a file that cannot be read leaves what was known.

import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Upstream } from './upstream.ts'

const serversMax = 3
const lookAgainMs = 1000

/** From the text of resolv.conf, without the ones that are us. */
export const parseResolvConf = (text: string, ourselves: string): Upstream[] =>
  text
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? '')
    .filter((address) => isIP(address) !== 0 && address !== ourselves)
    .slice(0, serversMax)
    .map((address) => ({ address, port: 53 }))

/** A function that answers with the servers of this moment. */
export const resolvConfUpstreams = (ourselves: string, path = '/etc/resolv.conf'): (() => Upstream[]) => {
  let servers: Upstream[] = []
  let version = ''
  let lookedAtMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = performance.now()
    if (nowMs - lookedAtMs < lookAgainMs) return servers
    lookedAtMs = nowMs
    try {
      const { mtimeMs, ino, size } = statSync(path)
      const found = `${mtimeMs} ${ino} ${size}`
      if (found !== version) servers = parseResolvConf(readFileSync(path, 'utf8'), ourselves)
      version = found
    } catch {
      // A file that is just being replaced is read at the next look.
    }
    return servers
  }
}
