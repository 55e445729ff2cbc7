// The supervisor: starts the parts of an installation in order, keeps them running, and writes down who runs. It owns
// run/state.json and run/supervisor.pid. It has no door: it is asked to end by SIGTERM, and sandboxes run on then.
// If it is killed its components run on too; whoever comes next ends them by what is written down (stop.ts).

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setInterval } from 'node:timers'
import { createLog } from '@pandastack/kit/log/log.ts'
import { identity, type ProcessIdentity } from '@pandastack/kit/process/identity.ts'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { homeOf } from '../home.ts'
import { ensureDatabase, prepareCluster } from '../postgres.ts'
import { mergeSettings, readSettings } from '../settings.ts'
import { bootId, componentNames, pidFile, readState, writeState, type RunState } from '../state.ts'
import { endOrphans } from '../stop.ts'
import { componentsOf, controlPlaneEnvironment, unprivileged } from './components.ts'
import { keepRunning, type Kept } from './keep-running.ts'
import { takeLock } from './only-one.ts'
import { rotate } from './rotate.ts'

const rotateEveryMs = 10_000
const migrateDeadlineMs = 300_000

const log = createLog({ name: 'supervisor' })
const home = homeOf(process.env)
const settings = mergeSettings(await readSettings(home.dir), process.env, undefined)
const logFile = (name: string): string => join(home.log, `${name}.log`)

const lock = await takeLock(home.dir, 'supervisor')
if (!lock) {
  log.error({}, 'another supervisor has this installation')
  process.exit(1)
}

const before = readState(home.run)
const state: RunState = {
  version: 1,
  bootId: bootId(),
  supervisor: identity(process.pid) as ProcessIdentity,
  phase: 'starting',
  detail: 'left-over processes',
  listen: settings.listen,
  startedAtMs: Date.now(),
  components: before?.components ?? {},
}
const say = (change: Partial<RunState>): void => {
  Object.assign(state, change)
  writeState(home.run, state)
}

const asked = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => asked.abort())
const askedToEnd = new Promise<void>((resolve) => asked.signal.addEventListener('abort', () => resolve()))

const kept: Kept[] = []
const stopAll = async (): Promise<void> => {
  for (const component of kept.toReversed()) await component.stop()
}

const migrate = async (): Promise<void> => {
  const [program = '', ...args] = unprivileged(home, 'control-plane/admin.ts', 'migrate')
  const env = controlPlaneEnvironment(home, settings, process.env)
  await runChecked(program, args, { deadlineMs: migrateDeadlineMs, env })
}

const details = { postgres: 'database', agent: 'host agent', 'control-plane': 'control plane' } as const

const start = async (): Promise<void> => {
  await endOrphans(before)
  state.components = {}
  if (settings.databaseUrl === null) {
    say({ detail: 'database' })
    await prepareCluster(home)
  }
  for (const component of await componentsOf(home, settings, process.env)) {
    if (asked.signal.aborted) return
    if (component.name === 'control-plane') {
      say({ detail: 'migrations' })
      await migrate()
    }
    say({ detail: details[component.name] })
    const one = keepRunning(component, {
      log,
      logFile: logFile(component.name),
      onState: (now) => say({ components: { ...state.components, [component.name]: now } }),
    })
    kept.push(one)
    await one.ready
    if (asked.signal.aborted) return
    if (component.name === 'postgres') await ensureDatabase(home)
  }
}

await writeFile(pidFile(home.run), `${state.supervisor.pid} ${state.supervisor.startTime} ${state.bootId}\n`)
say({})
const rotation = setInterval(() => {
  for (const name of [...componentNames, 'supervisor']) void rotate(logFile(name)).catch(() => undefined)
}, rotateEveryMs)

let failure: string | undefined
const started = start().catch((error: unknown) => {
  log.error({ err: error }, 'could not start')
  failure = error instanceof Error ? error.message : String(error)
})
await Promise.race([started, askedToEnd])
if (failure === undefined && !asked.signal.aborted) {
  say({ phase: 'running', detail: '' })
  log.info({ listen: settings.listen }, 'started')
  await askedToEnd
}
clearInterval(rotation)
say({ phase: 'stopping' })
asked.abort()
await stopAll()
// Whatever was still being started when we were asked has been refused by now.
await started
await stopAll()
say(failure === undefined ? { phase: 'stopped', detail: '' } : { phase: 'failed', detail: failure })
await rm(pidFile(home.run), { force: true })
await lock[Symbol.asyncDispose]()
log.info({}, 'ended')
process.exitCode = failure === undefined ? 0 : 1
