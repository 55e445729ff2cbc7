// `<port>-<sandbox id>.<suffix>`, parsed exactly. Pure.

import { isUuid } from '@pandastack/contracts/ids.ts'
import { agentPort } from '@pandastack/contracts/wire/guest/v1/calls.ts'

export interface Destination {
  port: number
  sandboxId: string
  /** The whole name in lower case, without a port of the server: what cookies and origins are compared with. */
  host: string
}

/** Ports that belong to the system and are reached by nobody through a host name. */
const systemPorts: ReadonlySet<number> = new Set([agentPort])

/** True for every name that is shaped like ours, well-formed or not: what is ours is answered by us alone. */
export const isOurs = (host: string, suffix: string): boolean => {
  const name = host.toLowerCase().replace(/:\d*$/, '').replace(/\.+$/, '')
  return name.endsWith(`.${bare(suffix)}`) && /^\d+-/.test(name)
}

export const parseHost = (host: string, suffix: string): Destination | null => {
  const name = host.toLowerCase().replace(/:\d{1,5}$/, '')
  const tail = `.${bare(suffix)}`
  if (!name.endsWith(tail)) return null
  const [, port = '', sandboxId = ''] =
    /^([1-9]\d{0,4})-([0-9a-f-]{36})$/.exec(name.slice(0, -tail.length)) ?? []
  if (!isUuid(sandboxId) || Number(port) > 65_535 || systemPorts.has(Number(port))) return null
  return { port: Number(port), sandboxId, host: name }
}

/** A suffix may be configured with the port that links need. */
const bare = (suffix: string): string => suffix.toLowerCase().replace(/:\d*$/, '')
