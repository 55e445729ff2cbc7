// The private Postgres cluster: the distribution's server on a directory, a user and a unix socket of its own. No TCP,
// no password: the kernel says who is at the other end of the socket.

import { chmod, chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, runChecked } from '@pandastack/kit/process/run.ts'
import { Refusal } from '../exit-codes.ts'
import type { Home } from './home.ts'
import { asUser, controlPlaneUser, databaseUser, ensureUser } from './users.ts'

const installed = '/usr/lib/postgresql'
const database = 'pandastack'

/** The cluster's address for the control plane and for root. */
export const privateDatabaseUrl = (home: Home): string =>
  `postgresql://${controlPlaneUser}@/${database}?host=${encodeURIComponent(home.pgSocketDir)}`

const exists = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null)

/** Programs of the version that the cluster was made with, else of the newest one that is installed. */
export const postgresBin = async (home: Home): Promise<string> => {
  const versions = (await readdir(installed).catch(() => [])).filter((name) => /^\d+$/.test(name))
  const made = (await exists(join(home.pg, 'PG_VERSION')))?.trim()
  const version = made ?? versions.toSorted((a, b) => Number(b) - Number(a))[0]
  if (version === undefined) throw new Refusal('no Postgres server is installed (package postgresql)')
  if (!versions.includes(version)) {
    throw new Refusal(
      `the database in ${home.pg} was made by Postgres ${version}, which is not installed any more`,
      {
        hint: `install postgresql-${version}, or dump and load it with the version that is installed`,
      },
    )
  }
  return join(installed, version, 'bin')
}

const hba = `local all ${databaseUser} peer\nlocal ${database} ${controlPlaneUser} peer map=panda\n`
const ident = `panda ${controlPlaneUser} ${controlPlaneUser}\npanda root ${controlPlaneUser}\n`

/** Makes the cluster when there is none, and its access rules anew each time. */
export const prepareCluster = async (home: Home): Promise<void> => {
  const owner = await ensureUser(databaseUser)
  for (const dir of [home.pg, home.pgSocketDir]) {
    await mkdir(dir, { recursive: true })
    await chown(dir, owner.uid, owner.gid)
  }
  await chmod(home.pg, 0o700)
  // Whoever may not enter could not be refused either; who may do what is said by the access rules.
  await chmod(home.pgSocketDir, 0o755)
  const [setpriv = '', ...become] = asUser(databaseUser)
  if ((await exists(join(home.pg, 'PG_VERSION'))) === null) {
    // What an interrupted initdb has left would make the next one refuse.
    for (const name of await readdir(home.pg)) await rm(join(home.pg, name), { recursive: true, force: true })
    const options = [
      '--data-checksums',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
      '--auth=peer',
      `--username=${databaseUser}`,
    ]
    const initdb = join(await postgresBin(home), 'initdb')
    await runChecked(setpriv, [...become, initdb, ...options, '-D', home.pg], {
      deadlineMs: 300_000,
      cwd: home.pg,
    })
  }
  for (const [name, text] of [
    ['pg_hba.conf', hba],
    ['pg_ident.conf', ident],
  ] as const) {
    await writeFile(join(home.pg, name), text, { mode: 0o600 })
    await chown(join(home.pg, name), owner.uid, owner.gid)
  }
}

const settings = {
  listen_addresses: '',
  max_connections: '100',
  logging_collector: 'off',
  log_line_prefix: '%m [%p] ',
  cluster_name: 'pandastack',
}

export const postgresCommand = async (home: Home): Promise<string[]> => {
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const program = join(await postgresBin(home), 'postgres')
  return [...asUser(databaseUser), program, '-D', home.pg, '-k', home.pgSocketDir, ...options]
}

const psql = async (home: Home, sql: string): Promise<{ ok: boolean; text: string }> => {
  const [setpriv = '', ...become] = asUser(databaseUser)
  const program = join(await postgresBin(home), 'psql')
  const options = [
    '-X',
    '-A',
    '-t',
    '-v',
    'ON_ERROR_STOP=1',
    '-h',
    home.pgSocketDir,
    '-d',
    'postgres',
    '-c',
    sql,
  ]
  const result = await run(setpriv, [...become, program, ...options], { deadlineMs: 20_000, cwd: '/' })
  return {
    ok: result.exitCode === 0,
    text: result.exitCode === 0 ? result.stdout.trim() : result.stderr.trim(),
  }
}

export const postgresAnswers = async (home: Home): Promise<boolean> => (await psql(home, 'select 1')).ok

/** Role and database of the control plane, when they are missing. */
export const ensureDatabase = async (home: Home): Promise<void> => {
  const need = async (query: string, make: string): Promise<void> => {
    const found = await psql(home, query)
    if (found.ok && found.text !== '') return
    const made = found.ok ? await psql(home, make) : found
    if (!made.ok) throw new Error(`Postgres refused: ${made.text}`)
  }
  await need(
    `select 1 from pg_roles where rolname = '${controlPlaneUser}'`,
    `create role ${controlPlaneUser} login`,
  )
  await need(
    `select 1 from pg_database where datname = '${database}'`,
    `create database ${database} owner ${controlPlaneUser}`,
  )
}
