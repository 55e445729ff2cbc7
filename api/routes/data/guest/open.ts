// The sandbox that a request names, for its caller.

import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Core, OpenSandbox } from '@pandastack/core/core.ts'
import { callerOf } from '../../../auth.ts'

export const sandboxParams = z.object({ id: z.string() })

/** Counts as in use until it is disposed of. */
export const openSandbox = async (core: Core, request: FastifyRequest): Promise<OpenSandbox & Disposable> =>
  inUse(await core.sandboxes.open(callerOf(request), (request.params as { id: string }).id))

export const inUse = (sandbox: OpenSandbox): OpenSandbox & Disposable => {
  const use = sandbox.use()
  return Object.assign(sandbox, { [Symbol.dispose]: () => use[Symbol.dispose]() })
}
