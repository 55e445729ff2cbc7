// Header lists as they travel through a proxy: what belongs to one connection stays there, the rest is passed on in
// order, with duplicates, through a rewrite that the caller chooses.

export type Header = readonly [name: string, value: string]

/** The new value, or null to drop the header. `name` is lower case. */
export type Rewrite = (name: string, value: string) => string | null

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  // Answered by the server that stands here.
  'expect',
])

/** Node's flat list (name, value, name, value) without hop-by-hop headers, each of the others through `rewrite`. */
export const endToEnd = (rawHeaders: readonly string[], rewrite: Rewrite): Header[] => {
  const all = pairs(rawHeaders)
  const named = new Set<string>()
  for (const [name, value] of all) {
    if (name.toLowerCase() !== 'connection') continue
    for (const token of value.split(',')) named.add(token.trim().toLowerCase())
  }
  const kept: Header[] = []
  for (const [name, value] of all) {
    const lower = name.toLowerCase()
    if (hopByHop.has(lower) || named.has(lower)) continue
    const rewritten = rewrite(lower, value)
    if (rewritten !== null) kept.push([name, rewritten])
  }
  return kept
}

const pairs = (rawHeaders: readonly string[]): Header[] => {
  const list: Header[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) list.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? ''])
  return list
}

/** How often a header occurs in Node's flat list. */
export const countHeader = (rawHeaders: readonly string[], name: string): number =>
  pairs(rawHeaders).filter(([one]) => one.toLowerCase() === name).length

/** What a client says of the way it came, which only the proxy itself may say. */
export const claimsOrigin = (name: string): boolean =>
  name.startsWith('x-forwarded-') ||
  name === 'forwarded' ||
  name === 'x-real-ip' ||
  name === 'x-client-ip' ||
  name === 'true-client-ip'

const wideReplies = new Set([
  'alt-svc',
  'clear-site-data',
  'expect-ct',
  'nel',
  'public-key-pins',
  'public-key-pins-report-only',
  'report-to',
  'reporting-endpoints',
  'service-worker-allowed',
  'strict-transport-security',
])

/** Reply headers whose effect reaches beyond the one resource that sent them. */
export const reachesBeyond = (name: string): boolean => wideReplies.has(name)
