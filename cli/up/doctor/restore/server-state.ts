// What server.py says, by the way that callers from outside go: through the API to its port.

import { setTimeout as sleep } from 'node:timers/promises'
import { dir, port } from './programs.ts'

/** A connection that is kept busy. `end`: how it was lost; null while it stands. */
export interface Held {
  count: number
  end: string | null
}

export interface ServerState {
  /** Of the process: what it has in memory. */
  token: string
  hostname: string
  machine_id: string
  boot_id: string
  generation: string
  address: string
  wall_ns: string
  inside: Held
  outside: Held
  streams: Held[]
}

export interface Access {
  url: string
  key: string
}

const answerMs = 20_000
const pollMs = 20

const call = async (
  { url, key }: Access,
  id: string,
  path: string,
  signal: AbortSignal,
): Promise<Response> => {
  const at = `${url}/v1/sandboxes/${encodeURIComponent(id)}/proxy/${port}${path}`
  const reply = await fetch(at, { headers: { authorization: `Bearer ${key}` }, signal })
  if (reply.ok) return reply
  throw new Error(`the server of ${dir} was answered for with ${reply.status}: ${await reply.text()}`)
}

export const readState = async (access: Access, id: string, signal: AbortSignal): Promise<ServerState> => {
  const reply = await call(access, id, '/state', AbortSignal.any([signal, AbortSignal.timeout(answerMs)]))
  return (await reply.json()) as ServerState
}

export interface Stream extends AsyncDisposable {
  /** What has come so far. */
  readonly bytes: number
  readonly ended: boolean
}

/** A request that stays open, as those of clients do that are served while a sandbox is forked. Its answer has begun. */
export const openStream = async (access: Access, id: string, signal: AbortSignal): Promise<Stream> => {
  const hangUp = new AbortController()
  const reply = await call(access, id, '/stream', AbortSignal.any([signal, hangUp.signal]))
  const seen = { bytes: 0, ended: false }
  const read = async (): Promise<void> => {
    for await (const chunk of reply.body ?? []) seen.bytes += (chunk as Uint8Array).length
  }
  const reading = read()
    .catch(() => undefined)
    .finally(() => (seen.ended = true))
  for (let waitedMs = 0; seen.bytes === 0 && !seen.ended && waitedMs < answerMs; waitedMs += pollMs)
    await sleep(pollMs, undefined, { signal })
  return {
    get bytes() {
      return seen.bytes
    },
    get ended() {
      return seen.ended
    },
    [Symbol.asyncDispose]: async () => {
      hangUp.abort()
      await reading
    },
  }
}
