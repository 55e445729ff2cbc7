// One line and one measurement for each request. The route's pattern stands for the URL, so that ids do not swell the
// metrics and queries never reach the log.

import type { ApiApp, ApiDeps } from './app.ts'

export const registerAccessLog = (app: ApiApp, { log, metrics }: ApiDeps): void => {
  const seconds = metrics.histogram(
    'pandastack_http_request_seconds',
    'Time to answer API requests',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    ['method', 'route', 'status'],
  )
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    const { statusCode: status } = reply
    seconds.observe({ method: request.method, route, status }, reply.elapsedTime / 1000)
    const line = {
      request: request.id,
      method: request.method,
      route,
      status,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      project: request.caller?.projectId,
      key: request.caller?.tokenPrefix,
    }
    if (request.routeOptions.config.quiet) log.debug(line, 'request')
    else log.info(line, 'request')
  })
}
