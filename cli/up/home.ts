// Where an installation keeps what: one directory per installation, one cache for all of them. Pure.

import { join, resolve } from 'node:path'

export interface Home {
  /** The checkout that this program runs from. */
  checkout: string
  dir: string
  bin: string
  /** Images, snapshots, disks of sandboxes; on reflinks. */
  data: string
  /** The private Postgres cluster. */
  pg: string
  /** Sockets, ledger, and who runs. */
  run: string
  pgSocketDir: string
  agentSocket: string
  relaySocket: string
  log: string
  /** Root only. */
  secrets: string
  /** Results of Go builds by their inputs, and Go itself; several installations share it. */
  cache: string
}

type Env = Readonly<Record<string, string | undefined>>

/** The kernel's limit for the path of a unix socket, its closing NUL included. */
const socketPathMax = 108

export const homeOf = (env: Env, checkout: string = resolve(import.meta.dirname, '../..')): Home => {
  const dir = resolve(env['PANDASTACK_HOME'] || '/var/lib/pandastack')
  const run = join(dir, 'run')
  const pgSocketDir = join(run, 'pg')
  if (Buffer.byteLength(join(pgSocketDir, '.s.PGSQL.5432')) >= socketPathMax) {
    throw new RangeError(`PANDASTACK_HOME is too long for the sockets in it: ${dir}`)
  }
  return {
    checkout,
    dir,
    bin: join(dir, 'bin'),
    data: join(dir, 'data'),
    pg: join(dir, 'pg'),
    run,
    pgSocketDir,
    agentSocket: join(run, 'agent.sock'),
    relaySocket: join(run, 'relay.sock'),
    log: join(dir, 'log'),
    secrets: join(dir, 'secrets'),
    cache: resolve(env['PANDASTACK_CACHE'] || '/var/cache/pandastack'),
  }
}
