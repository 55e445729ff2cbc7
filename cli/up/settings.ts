// What was chosen for an installation when it was first started, kept so that `restart` and `status` mean the same.
// A choice in the environment or on the command line replaces the kept one.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '../exit-codes.ts'

export interface Settings {
  /** HOST:PORT of the API. */
  listen: string
  /** Start of the names of interfaces, tables and cgroups; installations side by side differ in it. */
  prefix: string
  networkIndex: number
  /** A Postgres of the operator's; null: a private cluster. */
  databaseUrl: string | null
}

type Env = Readonly<Record<string, string | undefined>>

const defaults: Settings = { listen: '127.0.0.1:4280', prefix: 'ps', networkIndex: 0, databaseUrl: null }

export const parseListen = (text: string): { host: string; port: number } => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port < 1 || port > 65_535)
    throw new Refusal(`"${text}" is no address to listen on: write HOST:PORT`)
  return { host: match[1] ?? match[2] ?? '', port }
}

/** The URL under which this machine reaches what listens there. */
export const apiUrl = (listen: string): string => {
  const { host, port } = parseListen(listen)
  const everywhere: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }
  return `http://${everywhere[host] ?? (host.includes(':') ? `[${host}]` : host)}:${port}`
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

export const mergeSettings = (kept: Partial<Settings>, env: Env, listen: string | undefined): Settings => {
  const index = text(env['PANDASTACK_NETWORK_INDEX'])
  const settings: Settings = {
    listen: listen ?? text(env['PANDASTACK_LISTEN']) ?? text(kept.listen) ?? defaults.listen,
    prefix: text(env['PANDASTACK_PREFIX']) ?? text(kept.prefix) ?? defaults.prefix,
    networkIndex: index === undefined ? (kept.networkIndex ?? defaults.networkIndex) : Number(index),
    databaseUrl: text(env['DATABASE_URL']) ?? kept.databaseUrl ?? defaults.databaseUrl,
  }
  parseListen(settings.listen)
  if (!/^[a-z][a-z0-9]{0,5}$/.test(settings.prefix)) {
    throw new Refusal(`PANDASTACK_PREFIX is 1 to 6 lower-case letters and digits, not "${settings.prefix}"`)
  }
  if (!Number.isInteger(settings.networkIndex) || settings.networkIndex < 0 || settings.networkIndex > 15) {
    throw new Refusal(`PANDASTACK_NETWORK_INDEX is 0 to 15, not "${index}"`)
  }
  return settings
}

const file = (dir: string): string => join(dir, 'settings.json')

export const readSettings = async (dir: string): Promise<Partial<Settings>> => {
  try {
    return JSON.parse(await readFile(file(dir), 'utf8')) as Partial<Settings>
  } catch {
    return {}
  }
}

/** 0600: a database URL can hold a password. */
export const writeSettings = async (dir: string, settings: Settings): Promise<void> => {
  await mkdir(dir, { recursive: true, mode: 0o755 })
  await writeFile(`${file(dir)}.new`, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file(dir)}.new`, file(dir))
}
