// A real installation for tests, beside the operator's: its own home, names, network, database, agent and control plane,
// each a process of its own that is started as `up` starts it. Disposing ends it and fails when anything of it is left
// on this machine; what was left is taken away even so, so that one failing test does not spoil the next.

import { freePort } from '@pandastack/kit/net/free-port.ts'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureDatabase, prepareCluster, privateDatabaseUrl } from '@pandastack/cli/up/postgres.ts'
import { homeOf, type Home } from '@pandastack/cli/up/home.ts'
import { prepareSecrets } from '@pandastack/cli/up/secrets.ts'
import { prepareView } from '@pandastack/cli/up/checkout-view.ts'
import { apiUrl, type Settings } from '@pandastack/cli/up/settings.ts'
import { componentsOf, type Component } from '@pandastack/cli/up/supervisor/components.ts'
import { controlPlaneUser, ensureUser } from '@pandastack/cli/up/users.ts'
import type { LeakReport, MachineReport } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { SnapshotReport } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { clear, leftovers } from './installation/leftovers.ts'
import { createPart, type Part } from './installation/part.ts'
import { takePlace, type Place } from './installation/place.ts'
import { callAgent, callApi, type CallOptions, type Reply } from './installation/wire.ts'

export { whyNot } from './installation/place.ts'

export type Leak = LeakReport['leaks'][number]

export interface Installation extends AsyncDisposable {
  readonly api: string
  readonly key: string
  readonly home: string
  readonly agent: Part
  readonly controlPlane: Part
  readonly postgres: Part
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Reply>
  /** A key of another project, or of the same. */
  mintKey(project?: string): Promise<string>
  /** What the agent knows of its machines. */
  machines(): Promise<MachineReport[]>
  /** And of snapshots. */
  snapshots(): Promise<SnapshotReport[]>
  /** What belongs to nobody: on the host by the agent's account, and machines without a sandbox. */
  leaks(): Promise<Leak[]>
}

export interface InstallationOptions {
  /** Empty sandboxes kept ready. Default 2. */
  shelfSize?: number
  /** Added to the environment of agent and control plane. */
  env?: Record<string, string>
}

const mintDeadlineMs = 60_000

export const startInstallation = async (options: InstallationOptions = {}): Promise<Installation> => {
  await using stack = new AsyncDisposableStack()
  const place = stack.use(await takePlace())
  stack.defer(() => leaveNothing(place))
  const home = homeOf({ PANDASTACK_HOME: place.home })
  const settings: Settings = {
    listen: `127.0.0.1:${await freePort()}`,
    prefix: place.prefix,
    networkIndex: place.networkIndex,
    databaseUrl: null,
  }
  await prepareHome(home)
  const env = { ...outside(), PANDASTACK_SHELVES: String(options.shelfSize ?? 2), ...options.env }
  const parts = (await componentsOf(home, settings, env)).map((component: Component) =>
    createPart(component, join(home.log, `${component.name}.log`)),
  )
  const [postgres, agent, controlPlane] = parts as [Part, Part, Part]
  stack.defer(() => postgres.stop())
  await postgres.start()
  await ensureDatabase(home)
  stack.defer(() => agent.stop())
  await agent.start()
  stack.defer(() => endMachines(home, agent))
  stack.defer(() => controlPlane.stop())
  await controlPlane.start()

  const api = apiUrl(settings.listen)
  const mintKey = (project = 'default'): Promise<string> => mint(home, project)
  const key = await mintKey()
  const call: Installation['call'] = (method, path, body, extra) =>
    callApi(api, key, method, path, body, extra)
  const machines = async (): Promise<MachineReport[]> =>
    (await callAgent<{ machines: MachineReport[] }>(home.agentSocket, 'GET', '/v1/machines')).machines
  const snapshots = async (): Promise<SnapshotReport[]> =>
    (await callAgent<{ snapshots: SnapshotReport[] }>(home.agentSocket, 'GET', '/v1/snapshots')).snapshots
  const owned = stack.move()
  return {
    api,
    key,
    home: home.dir,
    agent,
    controlPlane,
    postgres,
    call,
    mintKey,
    machines,
    snapshots,
    leaks: async () => {
      const { leaks } = await callAgent<LeakReport>(home.agentSocket, 'GET', '/v1/leaks')
      const listed = (await call('GET', '/v1/sandboxes')).json<{ id: string }[]>()
      const strays = (await machines()).filter(({ sandboxId }) => !listed.some(({ id }) => id === sandboxId))
      return [
        ...leaks,
        ...strays.map(({ machineId, state }): Leak => {
          return { kind: 'machine', name: machineId, detail: `${state}, and no sandbox has it` }
        }),
      ]
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The way outside and where trust comes from: what an operator's shell would hand on. */
const outside = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || name.startsWith('PANDASTACK_') ? [] : [[name, value]],
    ),
  )

const prepareHome = async (home: Home): Promise<void> => {
  for (const dir of [home.log, home.run]) await mkdir(dir, { recursive: true, mode: 0o755 })
  const { gid } = await ensureUser(controlPlaneUser)
  await prepareSecrets(home, gid)
  await prepareView(home)
  await prepareCluster(home)
}

const mint = async (home: Home, project: string): Promise<string> => {
  const program = join(home.checkout, 'control-plane/admin.ts')
  const args = [program, 'mint-key', '--label', 'test', '--project', project]
  const env = { DATABASE_URL: privateDatabaseUrl(home) }
  const { stdout } = await runChecked(process.execPath, args, { deadlineMs: mintDeadlineMs, env })
  return (JSON.parse(stdout) as { key: string }).key
}

const endMachines = async (home: Home, agent: Part): Promise<void> => {
  if (agent.alive()) await callAgent(home.agentSocket, 'DELETE', '/v1/machines')
}

const leaveNothing = async (place: Place): Promise<void> => {
  const left = await leftovers(place)
  await clear(place)
  if (left.length > 0)
    throw new Error(`left on this machine:\n${left.map(({ kind, name }) => `  ${kind} ${name}`).join('\n')}`)
}
