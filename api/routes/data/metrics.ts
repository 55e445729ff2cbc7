// What a sandbox uses as its own agent sees it. Untrusted, like everything from inside. Watching is not use.

import type { z } from 'zod'
import { guestMetrics } from '@pandastack/contracts/http/shapes.ts'
import type { Caller, Core } from '@pandastack/core/core.ts'
import type { GuestRequest } from '@pandastack/core/ports/guest-port.ts'
import { callForJson } from './guest/call.ts'

const silenceMs = 2000

export const readGuestMetrics = async (
  core: Core,
  caller: Caller,
  id: string,
): Promise<z.infer<typeof guestMetrics>> => {
  const way = { request: (request: GuestRequest) => core.sandboxes.glance(caller, id, request) }
  return callForJson(way, guestMetrics, { method: 'GET', path: '/v1/metrics', silenceMs })
}
