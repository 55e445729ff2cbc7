// A private Postgres cluster for tests: the distribution's server, a socket in a short temporary folder, no network, no
// fsync. One per run; each test file clones the migrated template database, which takes a tenth of a second.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, open, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { migrate } from '@pandastack/db/migrate.ts'
import { openDatabase } from '@pandastack/db/open.ts'
import { silentLog } from '@pandastack/kit/log/log.ts'
import { createSeal } from '@pandastack/kit/seal/seal.ts'
import { runChecked } from '@pandastack/kit/process/run.ts'

export interface Cluster extends AsyncDisposable {
  url(database: string): string
  /** A fresh copy of the migrated template, dropped with its owner. */
  database(): Promise<TestDatabase>
  stop(): Promise<void>
  start(): Promise<void>
}

export interface TestDatabase extends AsyncDisposable {
  readonly url: string
}

const superuser = 'pandastack'
const template = 'pandastack_template'

export const startPostgres = async (): Promise<Cluster> => {
  await using stack = new AsyncDisposableStack()
  const bin = await findBinaries()
  const account = await findAccount()
  const folder = await mkdtemp('/tmp/pst-')
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  if (account) await chown(folder, account.uid, account.gid)
  const data = join(folder, 'data')
  const init = ['-D', data, '-U', superuser, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  await runChecked(join(bin, 'initdb'), init, { deadlineMs: 60_000, cwd: folder, ...account })

  let server: ChildProcess | null = null
  const url = (database: string): string =>
    `postgres://${superuser}@localhost/${database}?host=${encodeURIComponent(folder)}`
  const start = async (): Promise<void> => {
    server = await launch(bin, account, folder)
    await untilReady(url('postgres'), server, join(folder, 'log'))
  }
  const stop = async (): Promise<void> => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    server.ref()
    const gone = once(server, 'exit')
    // Immediate: open connections are cut, as in an outage.
    server.kill('SIGQUIT')
    await gone
    server = null
  }
  await start()
  stack.defer(stop)
  await makeTemplate(url)
  const owned = stack.move()
  return {
    url,
    start,
    stop,
    database: () => cloneTemplate(url),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** A clone in a cluster that is running already. */
export const cloneTemplate = async (url: (database: string) => string): Promise<TestDatabase> => {
  const name = `test_${process.pid}_${Math.random().toString(36).slice(2, 10)}`
  // Two clones of one template at the same moment can get in each other's way.
  for (let attempt = 1; ; attempt++) {
    try {
      await query(url('postgres'), `create database ${name} template ${template}`)
      break
    } catch (error) {
      if (attempt === 20) throw error
      await sleep(50 * attempt)
    }
  }
  return {
    url: url(name),
    async [Symbol.asyncDispose]() {
      await query(url('postgres'), `drop database if exists ${name} with (force)`)
    },
  }
}

const makeTemplate = async (url: Cluster['url']): Promise<void> => {
  await query(url('postgres'), `create database ${template}`)
  await using database = openDatabase({ url: url(template), log: silentLog(), connectionsMax: 1 })
  await migrate(database.db, createSeal(Buffer.alloc(32, 'no row is there to be sealed')))
}

const query = async (url: string, text: string): Promise<void> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

const findBinaries = async (): Promise<string> => {
  const versions = await readdir('/usr/lib/postgresql').catch((): string[] => [])
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a))
  const folders = [
    ...newestFirst.map((version) => `/usr/lib/postgresql/${version}/bin`),
    ...(process.env['PATH'] ?? '').split(':'),
  ]
  for (const folder of folders) {
    const names = await readdir(folder).catch((): string[] => [])
    if (names.includes('initdb') && names.includes('postgres')) return folder
  }
  throw new Error('no Postgres server was found (initdb and postgres in PATH or /usr/lib/postgresql/*/bin)')
}

interface Account {
  uid: number
  gid: number
}

/** Postgres refuses to run as root: then somebody without rights runs it. */
const findAccount = async (): Promise<Account | null> => {
  if (process.getuid?.() !== 0) return null
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const found = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody')
  if (!found)
    throw new Error('Postgres needs a user that is not root, and there is neither postgres nor nobody')
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

/** The server ends with us, however we end. */
const prefixOf = (account: Account | null): string[] => [
  'setpriv',
  '--pdeathsig',
  'QUIT',
  ...(account ? [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'] : []),
  '--',
]

const settings = {
  listen_addresses: '',
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  shared_buffers: '32MB',
  autovacuum: 'off',
}

const launch = async (bin: string, account: Account | null, folder: string): Promise<ChildProcess> => {
  await using log = await open(join(folder, 'log'), 'a')
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const [command = '', ...args] = [
    ...prefixOf(account),
    join(bin, 'postgres'),
    '-D',
    join(folder, 'data'),
    '-k',
    folder,
    ...options,
  ]
  const server = spawn(command, args, { cwd: folder, stdio: ['ignore', log.fd, log.fd] })
  await once(server, 'spawn')
  server.unref()
  return server
}

const untilReady = async (url: string, server: ChildProcess, logPath: string): Promise<void> => {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (server.exitCode !== null) break
    try {
      return await query(url, 'select 1')
    } catch {
      await sleep(50)
    }
  }
  throw new Error(`Postgres did not start: ${(await readFile(logPath, 'utf8')).slice(-1000)}`)
}
