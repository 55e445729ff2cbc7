// The control plane's process: reads the environment, starts, and drains on SIGTERM or SIGINT.

import { armFailpoints } from '@pandastack/kit/failpoint/failpoint.ts'
import { createLog } from '@pandastack/kit/log/log.ts'
import { readConfig } from './config.ts'
import { startControlPlane } from './start.ts'

const drainMs = 6000
const hardStopMs = 10_000

const main = async (): Promise<void> => {
  const config = readConfig(process.env)
  const log = createLog({ name: 'control-plane', level: config.logLevel })
  armFailpoints(config.failpoints)
  const plane = await startControlPlane(config, { log })
  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'draining')
    setTimeout(() => {
      log.error('could not drain in time')
      process.exit(1)
    }, hardStopMs).unref()
    plane.close(drainMs).then(
      () => log.info('stopped'),
      (err: unknown) => {
        log.error({ err }, 'could not stop in order')
        process.exitCode = 1
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

try {
  await main()
} catch (error) {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}${cause}\n`)
  process.exitCode = 1
}
