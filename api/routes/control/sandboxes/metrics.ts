import { sandboxMetrics } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { readGuestMetrics } from '../../data/metrics.ts'
import { idParams } from '../params.ts'

export const readMetrics = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'GET',
    url: '/sandboxes/:id/metrics',
    schema: {
      operationId: 'readSandboxMetrics',
      summary: 'What the machine of a sandbox uses, as its host sees it and as it looks from inside',
      tags: ['sandboxes'],
      params: idParams,
      response: { 200: sandboxMetrics },
    },
    async handler(request) {
      const caller = callerOf(request)
      const { id } = request.params
      const [stats, guest] = await Promise.all([
        core.sandboxes.stats(caller, id),
        readGuestMetrics(core, caller, id).catch(() => null),
      ])
      return {
        guest,
        pid: stats.pid,
        uptime_seconds: stats.uptimeSeconds,
        host_cpu_percent: stats.cpuPercent,
        host_rss_bytes: stats.rssBytes,
        host_vsz_bytes: stats.vszBytes,
        threads: stats.threads,
      }
    },
  })
}
