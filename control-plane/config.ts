// The configuration of the control plane, from the environment, checked before anything is built.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'

export interface Config {
  databaseUrl: string
  listen: { host: string; port: number }
  agentSocket: string
  relaySocket: string
  previewSuffix: string
  /** Signs preview links. */
  secret: Buffer
  /** Seals what is secret in the database. */
  sealKey: Buffer
  /** Null: where it listens. */
  publicUrl: string | null
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  connectionsMax: number
  /** For tests: where this process is to fail (kit/failpoint). */
  failpoints: string
  version: string
}

const hostName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/

const environment = z.object({
  DATABASE_URL: z.string().min(1),
  PANDASTACK_LISTEN: z.string().optional(),
  PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  PANDASTACK_AGENT_SOCKET: z.string().min(1).default('/run/pandastack/agent.sock'),
  PANDASTACK_RELAY_SOCKET: z.string().min(1).default('/run/pandastack/relay.sock'),
  PANDASTACK_PREVIEW_SUFFIX: z
    .string()
    .toLowerCase()
    .regex(hostName, 'must be a host name')
    .default('localhost'),
  PANDASTACK_PREVIEW_SECRET_FILE: z.string().min(1).optional(),
  PANDASTACK_SEAL_KEY_FILE: z.string().min(1),
  PANDASTACK_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  PANDASTACK_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  PANDASTACK_CONNECTIONS_MAX: z.coerce.number().int().positive().default(16_384),
  PANDASTACK_FAILPOINTS: z.string().default(''),
})

/** Throws an error whose message names every variable that is wrong. */
export const readConfig = (env: Record<string, string | undefined>): Config => {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const read = environment.safeParse(given)
  if (!read.success) {
    const wrong = read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new Error(`the configuration is not valid: ${wrong.join('; ')}`)
  }
  const { data } = read
  return {
    databaseUrl: data.DATABASE_URL,
    listen: listenOf(data.PANDASTACK_LISTEN, data.PORT),
    agentSocket: data.PANDASTACK_AGENT_SOCKET,
    relaySocket: data.PANDASTACK_RELAY_SOCKET,
    previewSuffix: data.PANDASTACK_PREVIEW_SUFFIX,
    secret: previewSecretOf(data.PANDASTACK_PREVIEW_SECRET_FILE),
    sealKey: readSecret('PANDASTACK_SEAL_KEY_FILE', data.PANDASTACK_SEAL_KEY_FILE),
    publicUrl: data.PANDASTACK_PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    logLevel: data.PANDASTACK_LOG_LEVEL,
    connectionsMax: data.PANDASTACK_CONNECTIONS_MAX,
    failpoints: data.PANDASTACK_FAILPOINTS,
    version: versionOf(),
  }
}

const portDefault = 8080

const listenOf = (text: string | undefined, port = portDefault): Config['listen'] => {
  if (text === undefined) return { host: '127.0.0.1', port }
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  if (!match || Number(match[3]) > 65_535)
    throw new Error(
      `the configuration is not valid: PANDASTACK_LISTEN: ${JSON.stringify(text)} is not host:port`,
    )
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) }
}

/** Without a file the secret lasts as long as the process, and so do signed links. */
const previewSecretOf = (path: string | undefined): Buffer =>
  path === undefined ? randomBytes(32) : readSecret('PANDASTACK_PREVIEW_SECRET_FILE', path)

/** Of the file that a variable names. */
export const readSecret = (variable: string, path: string): Buffer => {
  const secret = readFileSync(path)
  if (secret.length < 32)
    throw new Error(`the configuration is not valid: ${variable}: needs at least 32 bytes`)
  return secret
}

const versionOf = (): string => {
  const text = readFileSync(new URL('package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
