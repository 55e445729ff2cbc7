// What every command is given: streams, environment, the installation at hand, and the wish to end. Tests give others.

import type { CommandContext } from '@stricli/core'
import { createClient, type Client } from '@pandastack/client/client.ts'
import { Refusal } from './exit-codes.ts'
import type { Screen } from './terminal/steps.ts'
import { homeOf, type Home } from './up/home.ts'
import { readApiKey } from './up/secrets.ts'
import { apiUrl, mergeSettings, readSettings } from './up/settings.ts'

export interface Context extends CommandContext {
  process: { stdout: Screen; stderr: Screen }
  stdin: NodeJS.ReadStream
  env: Readonly<Record<string, string | undefined>>
  /** Aborts at the first Ctrl-C, so that work in progress can be put down. */
  signal: AbortSignal
  /** The exit code, when it is not 0 for success and 1 for an error. */
  setExitCode(code: number): void
  /** How the user calls us, for lines to paste. */
  program: string
}

export const homeIn = (context: Pick<Context, 'env'>): Home => homeOf(context.env)

/** Of the installation on this machine, as far as this user may know them. */
export const localAccess = async (home: Home): Promise<{ url: string; key: string | null }> => {
  const settings = mergeSettings(await readSettings(home.dir), {}, undefined)
  return { url: apiUrl(settings.listen), key: await readApiKey(home) }
}

/** A client for what the environment names, else for the installation on this machine. */
export const clientFor = async (context: Pick<Context, 'env'>): Promise<Client> => {
  const { PANDASTACK_API: url, PANDASTACK_API_KEY: key } = context.env
  const local = await localAccess(homeIn(context))
  if (key) return createClient({ url: url || local.url, key })
  // The key of this machine is for this machine: it is never sent to another server.
  if (local.key !== null && (!url || url === local.url))
    return createClient({ url: local.url, key: local.key })
  throw new Refusal('no API key', {
    hint: 'set PANDASTACK_API and PANDASTACK_API_KEY, or be root on the machine where "pandastack up" has run',
  })
}

export const printJson = (context: Context, value: unknown): void =>
  void context.process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
