// What a sandbox uses as its own agent sees it. Untrusted, like everything from inside.

import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { guestMetrics } from '@pandastack/contracts/http/shapes.ts'
import type { Core } from '@pandastack/core/core.ts'
import { callForJson } from './guest/call.ts'
import { openSandbox } from './guest/open.ts'

const silenceMs = 2000

export const readGuestMetrics = async (
  core: Core,
  request: FastifyRequest,
): Promise<z.infer<typeof guestMetrics>> => {
  using sandbox = await openSandbox(core, request)
  return await callForJson(sandbox, guestMetrics, { method: 'GET', path: '/v1/metrics', silenceMs })
}
