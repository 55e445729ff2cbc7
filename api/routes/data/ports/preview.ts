// ANY /p/{token}/...: whoever has a signed link, to the port, paths and time that are signed. Nothing else about the
// sandbox can be learned here. For a scope that leaves bodies alone.

import { z } from 'zod'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { inScope } from '@pandastack/kit/proxy/path-scope.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { inUse } from '../guest/open.ts'
import { everyMethod } from './every-method.ts'
import { forward, guestPort } from './forward.ts'

const mine = /^(\/v1\/p\/[^/?#]+)(.*)$/

export const registerPreview = (app: ApiApp, { core }: ApiDeps): void =>
  everyMethod(app, {
    url: '/p/:token',
    operation: 'preview',
    summary: 'A request to the port that a link was signed for',
    params: z.object({ token: z.string() }),
    open: true,
    async handler(request, reply) {
      const signed = await core.previews.verify((request.params as { token: string }).token)
      const [, prefix = '', rest = ''] = mine.exec(request.raw.url ?? '') ?? []
      const target = withoutKeys(rest.startsWith('/') ? rest : `/${rest}`)
      if (!signed || !inScope(target, signed.paths)) throw new PandaError('not_found', 'not found')
      const port = guestPort(String(signed.port))
      using sandbox = inUse(await core.sandboxes.openPort(signed.sandboxId, port, { kind: 'signed' }))
      await forward(request, reply, sandbox, { port, prefix, target })
      return reply
    },
  })

/** A key that someone put into the link by mistake is not shown to the guest. */
const withoutKeys = (target: string): string => {
  const mark = target.indexOf('?')
  if (mark < 0) return target
  const kept = target
    .slice(mark + 1)
    .split('&')
    .filter((pair) => !/^access_token=pds_/i.test(pair))
  return target.slice(0, mark) + (kept.length > 0 ? `?${kept.join('&')}` : '')
}
