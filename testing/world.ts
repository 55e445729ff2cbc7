// A world for tests: a real database, the real control plane on a free port, scripted hosts. Everything ends with it.

import { inject } from 'vitest'
import { mintKey } from '@pandastack/control-plane/admin.ts'
import type { Config } from '@pandastack/control-plane/config.ts'
import { startControlPlane } from '@pandastack/control-plane/start.ts'
import type { ControlPlane, StartOptions } from '@pandastack/control-plane/start.ts'
import { openDatabase } from '@pandastack/db/open.ts'
import type { Db } from '@pandastack/db/schema.ts'
import { createLog, silentLog } from '@pandastack/kit/log/log.ts'
import { cloneTemplate } from './postgres.ts'
import { createFakeHost } from './fake-host.ts'
import type { FakeHost } from './fake-host.ts'

export interface Answer {
  status: number
  headers: Headers
  // A test looks into it as it likes, and fails when it is not what it thought.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

export interface Asking {
  key?: string | null
  headers?: Record<string, string>
  signal?: AbortSignal
}

export interface World extends AsyncDisposable {
  readonly url: string
  /** Key of the project `default`. */
  readonly key: string
  readonly host: FakeHost
  readonly db: Db
  readonly plane: ControlPlane
  mint(project: string): Promise<string>
  /** One exchange; a body that is a string goes as it is. */
  ask(method: string, path: string, body?: unknown, asking?: Asking): Promise<Answer>
  /** Ends the control plane and starts another on the same database and host. */
  restart(): Promise<void>
}

export interface WorldOptions extends Pick<StartOptions, 'settings' | 'log'> {
  /** A database of one's own; default: a clone in the cluster of the run. */
  databaseUrl?: string
  host?: FakeHost
}

const secret = Buffer.alloc(32, 'a secret for tests only')

export const createWorld = async (options: WorldOptions = {}): Promise<World> => {
  await using stack = new AsyncDisposableStack()
  const databaseUrl = options.databaseUrl ?? stack.use(await cloneTemplate(clusterUrl)).url
  const host = options.host ?? createFakeHost()
  const log =
    options.log ?? (process.env['TEST_LOG'] ? createLog({ name: 'world', level: 'debug' }) : silentLog())
  const { db } = stack.use(openDatabase({ url: databaseUrl, log, connectionsMax: 2 }))
  const config: Config = { ...baseConfig, databaseUrl }
  const start = (): Promise<ControlPlane> =>
    startControlPlane(config, { hosts: [host], log, settings: { repairEveryMs: 200, ...options.settings } })
  let plane = await start()
  stack.defer(() => plane.close(500))
  const { key } = await mintKey(db, { label: 'world' })
  const owned = stack.move()
  return {
    key,
    host,
    db,
    get url() {
      return plane.url
    },
    get plane() {
      return plane
    },
    mint: async (project) => (await mintKey(db, { label: project, project })).key,
    ask: (method, path, body, asking = {}) => ask(plane.url, method, path, body, { key, ...asking }),
    async restart() {
      await plane.close(500)
      plane = await start()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const baseConfig: Config = {
  databaseUrl: '',
  listen: { host: '127.0.0.1', port: 0 },
  agentSocket: '',
  relaySocket: '',
  previewSuffix: 'preview.test',
  secret,
  sealKey: Buffer.alloc(32, 'a key for tests only'),
  publicUrl: null,
  logLevel: 'silent',
  connectionsMax: 1000,
  failpoints: '',
  version: '0.0.0-test',
}

const clusterUrl = (database: string): string => inject('postgresUrl').replace('DATABASE', database)

const ask = async (
  url: string,
  method: string,
  path: string,
  body: unknown,
  { key, headers, signal }: Asking,
): Promise<Answer> => {
  const reply = await fetch(url + path, {
    method,
    headers: {
      ...(key && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal && { signal }),
  })
  const text = await reply.text()
  return { status: reply.status, headers: reply.headers, body: parsed(text) }
}

const parsed = (text: string): unknown => {
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
