// Composition root of a host: reads the environment, builds the real parts, listens, and leaves by putting them down
// again. Machines are not put down: they run on, and the next agent finds them.

import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { armFailpoints } from '@pandastack/kit/failpoint/failpoint.ts'
import { createLog } from '@pandastack/kit/log/log.ts'
import { createGvisorDriver } from '@pandastack/driver-gvisor/index.ts'
import { defaults } from '@pandastack/driver-gvisor/config.ts'
import { globalFlags } from '@pandastack/driver-gvisor/launch.ts'
import { createRestorer } from '@pandastack/driver-gvisor/restorer.ts'
import { createNetwork } from '@pandastack/network/network.ts'
import { prepareDataDir } from '@pandastack/storage/data-dir.ts'
import { createAgent } from './agent.ts'
import { hostCgroups } from './adapters/cgroups.ts'
import { hostImages } from './adapters/images.ts'
import { hostStorage } from './adapters/storage.ts'
import { readConfig } from './config.ts'
import { startRelay } from './native/relay.ts'
import { startSums } from './native/sums.ts'
import { startWatch } from './native/watch.ts'
import { serveWire } from './wire-server.ts'

const gib = 1024 ** 3
const dataSizeBytes = 64 * gib
const probeDeadlineMs = 60_000

const config = readConfig(process.env)
const log = createLog({ name: 'agent' })
armFailpoints(config.failpoints)
const run = path.join(config.home, 'run')
const bin = (name: string) => path.join(config.home, 'bin', name)
await using parts = new AsyncDisposableStack()

await mkdir(run, { recursive: true, mode: 0o755 })
const data = await prepareDataDir(path.join(config.home, 'data'), { sizeBytes: dataSizeBytes })
const gvisor = {
  runscPath: bin('runsc'),
  launcherPath: bin('launcher'),
  stateDir: path.join(run, 'runsc'),
  ...defaults,
}
const restorer = parts.use(createRestorer(bin('restorer'), globalFlags(gvisor)))
const driver = createGvisorDriver({ ...gvisor, restorer })
const probe = await driver.probe(AbortSignal.timeout(probeDeadlineMs))
if (!probe.usable) throw new Error(`no isolation works on this host: ${probe.reason}`)
log.info({ probe }, 'driver works')

const groupId = groupIdOf(config.group)
const relay = parts.use(
  await startRelay({ binary: bin('relay'), socketPath: path.join(run, 'relay.sock'), groupId, log }),
)
const exits = parts.use(await startWatch({ binary: bin('watch'), log }))
const sums = parts.use(await startSums({ binary: bin('sums'), log }))
const network = await createNetwork({ prefix: config.prefix, index: config.networkIndex, log })
const agent = parts.use(
  await createAgent(
    {
      driver,
      probe,
      network,
      cgroups: await hostCgroups(`pandastack-${config.prefix}`),
      storage: hostStorage(data),
      sums,
      images: hostImages(data.dir),
      relay,
      exits,
      log,
    },
    { stateDir: run, version: '0.1.0', shelfSize: config.shelfSize, machinesMax: config.machinesMax },
  ),
)
parts.use(await serveWire({ agent, log, socketPath: path.join(run, 'agent.sock'), groupId }))
log.info({ data: data.dir, reflink: data.reflink }, 'agent ready')

await new Promise<void>((resolve) => {
  process.once('SIGTERM', resolve)
  process.once('SIGINT', resolve)
})
log.info({}, 'agent leaves; machines run on')

/** From /etc/group, because Node knows no getgrnam. Null when there is no such group: then only root gets in. */
function groupIdOf(name: string): number | null {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  return line ? Number(line.split(':')[2]) : null
}
