// The one host a request is for.

import type { IncomingMessage } from 'node:http'

/**
 * As the client wrote it, port included; empty when it named none. Null when it can be read in two ways: two Host
 * headers, or an absolute URL that names another host. A URL with the same host is cut down to its path.
 */
export const hostOf = (request: Pick<IncomingMessage, 'rawHeaders' | 'headers' | 'url'>): string | null => {
  let count = 0
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    if (request.rawHeaders[i]?.toLowerCase() === 'host') count += 1
  }
  if (count > 1) return null
  const host = request.headers.host ?? ''
  const { url = '/' } = request
  if (url.startsWith('/') || url === '*') return host
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url)
  if (!absolute || absolute[1]?.toLowerCase() !== host.toLowerCase()) return null
  const rest = absolute[2] ?? ''
  request.url = rest.startsWith('/') ? rest : `/${rest}`
  return host
}
