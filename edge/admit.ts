// Who may reach a port by its host name: a signed token for it, the sandbox's owner, or anybody when the port was
// declared public. Everything else is answered as if there were nothing, whether there is or not.

import type { IncomingMessage } from 'node:http'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { Caller, Core, OpenSandbox } from '@pandastack/core/core.ts'
import { readCookie } from '@pandastack/kit/proxy/cookies.ts'
import { inScope } from '@pandastack/kit/proxy/path-scope.ts'
import type { Destination } from './host-name.ts'
import { takeToken, tokenCookie, tokenHeader } from './hygiene.ts'

export interface Doorkeeper {
  core: Pick<Core, 'sandboxes' | 'previews'>
  verifyKey(key: string, requestId: string): Promise<Caller | null>
}

export type Admission =
  | { kind: 'open'; sandbox: OpenSandbox; target: string }
  /** The token of the URL is good: it moves into a cookie, and the browser asks again without it. */
  | { kind: 'exchange'; token: string; target: string }

const nothing = (): PandaError => new PandaError('not_found', 'nothing is here, or it is private')

export const admit = async (
  { core, verifyKey }: Doorkeeper,
  request: IncomingMessage,
  to: Destination,
): Promise<Admission> => {
  const { target, token } = takeToken(request.url ?? '/')
  if (!target.startsWith('/')) throw new PandaError('invalid_request', 'the URL is not a path')
  const isGood = async (candidate: string | null | undefined): Promise<boolean> => {
    // It may become a cookie: nothing but what a token is made of.
    if (!candidate || !/^[\w-]+\.[\w-]+$/.test(candidate)) return false
    const signed = await core.previews.verify(candidate)
    return signed?.sandboxId === to.sandboxId && signed.port === to.port && inScope(target, signed.paths)
  }
  const open = async (access: Parameters<Core['sandboxes']['openPort']>[2]): Promise<Admission> => ({
    kind: 'open',
    sandbox: await core.sandboxes.openPort(to.sandboxId, to.port, access),
    target,
  })
  if (token !== null && (await isGood(token))) {
    const browses = request.method === 'GET' && request.headers.upgrade === undefined
    return browses ? { kind: 'exchange', token, target } : open({ kind: 'signed' })
  }
  const header = request.headers[tokenHeader]
  if (typeof header === 'string' && (await isGood(header))) return open({ kind: 'signed' })
  const cookie = readCookie(request.headers.cookie, tokenCookie)
  if (cookie !== null && !comesFromElsewhere(request, to) && (await isGood(cookie)))
    return open({ kind: 'signed' })
  const key = /^Bearer +(pds_\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
  const caller = key === undefined ? null : await verifyKey(key, '')
  if (caller) {
    const owned = await open({ kind: 'caller', caller }).catch(notFoundAsNull)
    if (owned) return owned
  }
  const admission = await open({ kind: 'public' }).catch(notFoundAsNull)
  if (!admission) throw nothing()
  return admission
}

const notFoundAsNull = (error: unknown): null => {
  if (error instanceof PandaError && error.code === 'not_found') return null
  throw error
}

/**
 * Other sandboxes are of the same site for a browser, which therefore sends our cookie with what their pages ask for.
 * A link that is followed is fine; everything else must come from the page's own origin.
 */
const comesFromElsewhere = (request: IncomingMessage, to: Destination): boolean => {
  const { origin } = request.headers
  if (origin !== undefined) return !URL.canParse(origin) || new URL(origin).hostname !== to.host
  const site = request.headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return request.headers['sec-fetch-mode'] !== 'navigate' || request.headers['sec-fetch-dest'] !== 'document'
}
