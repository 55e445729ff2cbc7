// The processes of an installation: what each is started as, as whom, with what, and how one knows that it works.
// `pandastack run NAME` (systemd units) and the supervisor start the same.

import { join } from 'node:path'
import { inView, withView } from '../checkout-view.ts'
import type { Home } from '../home.ts'
import { postgresAnswers, postgresCommand, privateDatabaseUrl } from '../postgres.ts'
import { apiUrl, type Settings } from '../settings.ts'
import type { ComponentName } from '../state.ts'
import { asUser, controlPlaneUser } from '../users.ts'
import { askAgent } from './agent-door.ts'
import { partEnvironment } from './environment.ts'
import { previewSecretFile, sealKeyFile } from '../secrets.ts'

export interface Component {
  name: ComponentName
  command: string[]
  env: Record<string, string>
  ready(): Promise<boolean>
  /** After this it is taken as hanging and started again. */
  readyWithinMs: number
  politeSignal: NodeJS.Signals
  graceMs: number
}

type Env = Readonly<Record<string, string | undefined>>

export const databaseUrlOf = (home: Home, settings: Settings): string =>
  settings.databaseUrl ?? privateDatabaseUrl(home)

/** An argument list that runs a program of ours as the control plane's user. */
export const unprivileged = (home: Home, program: string, ...args: string[]): string[] => [
  ...withView(home),
  ...asUser(controlPlaneUser),
  inView(home, process.execPath),
  inView(home, join(home.checkout, program)),
  ...args,
]

export const controlPlaneEnvironment = (
  home: Home,
  settings: Settings,
  env: Env,
): Record<string, string> => ({
  ...partEnvironment(env),
  PANDASTACK_HOME: home.dir,
  PANDASTACK_LISTEN: settings.listen,
  PANDASTACK_AGENT_SOCKET: home.agentSocket,
  PANDASTACK_RELAY_SOCKET: home.relaySocket,
  PANDASTACK_PREVIEW_SECRET_FILE: previewSecretFile(home),
  PANDASTACK_SEAL_KEY_FILE: sealKeyFile(home),
  DATABASE_URL: databaseUrlOf(home, settings),
  NODE_ENV: 'production',
})

export const agentEnvironment = (home: Home, settings: Settings, env: Env): Record<string, string> => ({
  ...partEnvironment(env),
  PANDASTACK_HOME: home.dir,
  PANDASTACK_PREFIX: settings.prefix,
  PANDASTACK_NETWORK_INDEX: String(settings.networkIndex),
  PANDASTACK_GROUP: controlPlaneUser,
  NODE_ENV: 'production',
})

const answers = async (url: string): Promise<boolean> => {
  const reply = await fetch(url, { signal: AbortSignal.timeout(2000) })
  await reply.body?.cancel()
  return reply.ok
}

const agent = (home: Home, settings: Settings, env: Env): Component => ({
  name: 'agent',
  command: [process.execPath, join(home.checkout, 'host/agent/main.ts')],
  env: agentEnvironment(home, settings, env),
  ready: async () => (await askAgent(home, 'GET', '/v1/health', 2000)).status === 200,
  // It proves its driver and takes over running sandboxes before it answers.
  readyWithinMs: 180_000,
  politeSignal: 'SIGTERM',
  graceMs: 20_000,
})

const controlPlane = (home: Home, settings: Settings, env: Env): Component => ({
  name: 'control-plane',
  command: unprivileged(home, 'control-plane/main.ts'),
  env: controlPlaneEnvironment(home, settings, env),
  ready: () => answers(`${apiUrl(settings.listen)}/healthz`),
  readyWithinMs: 60_000,
  politeSignal: 'SIGTERM',
  graceMs: 20_000,
})

const postgres = async (home: Home, env: Env): Promise<Component> => ({
  name: 'postgres',
  command: await postgresCommand(home),
  env: partEnvironment(env),
  ready: () => postgresAnswers(home),
  // After a crash it replays its log first.
  readyWithinMs: 300_000,
  // The fast way: open connections are ended, what was committed is kept.
  politeSignal: 'SIGINT',
  graceMs: 30_000,
})

/** In the order in which they are started; they are stopped in the opposite one. */
export const componentsOf = async (home: Home, settings: Settings, env: Env): Promise<Component[]> => [
  ...(settings.databaseUrl === null ? [await postgres(home, env)] : []),
  agent(home, settings, env),
  controlPlane(home, settings, env),
]
