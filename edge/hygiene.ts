// Headers between strangers and a server inside a sandbox: our credentials stay here, claims about the way a request
// came are ours to make, and a reply may not reach beyond its own host name. An application's own `Authorization` is
// passed on, because it is not ours.

import type { IncomingMessage } from 'node:http'
import { setCookieScope, withoutCookies } from '@pandastack/kit/proxy/cookies.ts'
import { claimsOrigin, endToEnd, reachesBeyond } from '@pandastack/kit/proxy/headers.ts'
import type { Header, Rewrite } from '@pandastack/kit/proxy/headers.ts'
import type { Destination } from './host-name.ts'

export const tokenHeader = 'x-pandastack-preview-token'
export const tokenParameter = 'pandastack_token'
export const tokenCookie = 'pandastack_preview'

const isOurCookie = (name: string): boolean => /^(__Host-|__Secure-)?pandastack/i.test(name)

export const guestHeaders = (request: IncomingMessage, { host }: Destination, secure: boolean): Header[] => [
  ...endToEnd(request.rawHeaders, (name, value) => {
    if (claimsOrigin(name) || name.startsWith('x-pandastack-')) return null
    if ((name === 'authorization' || name === 'x-api-key') && holdsKey(value)) return null
    if (name === 'referer' && value.includes(`${tokenParameter}=`)) return null
    return name === 'cookie' ? withoutCookies(value, isOurCookie) : value
  }),
  ['X-Forwarded-Host', host],
  ['X-Forwarded-For', request.socket.remoteAddress ?? ''],
  ['X-Forwarded-Proto', secure ? 'https' : 'http'],
]

/** A key of ours, plain or inside `Basic`. */
const holdsKey = (value: string): boolean => {
  const [, encoded] = /^Basic +(\S+)/i.exec(value) ?? []
  return /pds_/i.test(encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('latin1'))
}

export const replyRewrite =
  ({ host }: Destination): Rewrite =>
  (name, value) => {
    if (name === 'set-cookie2' || reachesBeyond(name)) return null
    if (name !== 'set-cookie') return value
    const cookie = setCookieScope(value)
    return isOurCookie(cookie.name) || (cookie.domain !== null && cookie.domain !== host) ? null : value
  }

/** The target without our parameter, all else as it was; and the parameter's value. */
export const takeToken = (target: string): { target: string; token: string | null } => {
  const mark = target.indexOf('?')
  if (mark < 0) return { target, token: null }
  let token: string | null = null
  const kept = target
    .slice(mark + 1)
    .split('&')
    .filter((pair) => {
      const found = new URLSearchParams(pair).get(tokenParameter)
      token ??= found
      return found === null
    })
  return { target: target.slice(0, mark) + (kept.length > 0 ? `?${kept.join('&')}` : ''), token }
}
