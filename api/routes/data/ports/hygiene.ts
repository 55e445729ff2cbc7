// What passes through our proxy paths. These share the API's origin with everything else of it, so nothing that a page
// of a sandbox sends may act there: no cookies, no service worker, and the page runs in an origin of its own.

import type { IncomingMessage } from 'node:http'
import { withoutCookies } from '@pandastack/kit/proxy/cookies.ts'
import { claimsOrigin, endToEnd, reachesBeyond } from '@pandastack/kit/proxy/headers.ts'
import type { Header } from '@pandastack/kit/proxy/headers.ts'

const credentials = new Set(['authorization', 'x-api-key'])

/** Ours by name; a cookie of another application on the same host is none of the guest's business either way. */
const isOurCookie = (name: string): boolean => /^(__Host-|__Secure-)?pandastack/i.test(name)

/** For the server in the sandbox: the request's own headers, without our credentials and without claimed origins. */
export const guestHeaders = (request: IncomingMessage, port: number, prefix: string): Header[] => [
  ...endToEnd(request.rawHeaders, (name, value) => {
    if (name === 'host' || credentials.has(name) || claimsOrigin(name) || name.startsWith('x-pandastack-'))
      return null
    return name === 'cookie' ? withoutCookies(value, isOurCookie) : value
  }),
  ['Host', `localhost:${port}`],
  ['X-Forwarded-Host', request.headers.host ?? ''],
  ['X-Forwarded-For', request.socket.remoteAddress ?? ''],
  ['X-Forwarded-Prefix', prefix],
]

/** For the client. */
export const replyHeader = (name: string, value: string): string | null =>
  name === 'set-cookie' || name === 'set-cookie2' || reachesBeyond(name) ? null : value

export const isolation: readonly Header[] = [
  ['Content-Security-Policy', 'sandbox allow-scripts allow-forms allow-modals allow-popups allow-downloads'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'no-referrer'],
]
