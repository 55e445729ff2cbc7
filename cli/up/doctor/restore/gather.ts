// What one sandbox has to say for itself: its identity, its clock, its connections, and what its programs have drawn.

import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@pandastack/client/client.ts'
import { boundsOf, narrow, unknown, worstOf, type Bounds } from './clock.ts'
import { dir, drawing, writing, type Drawing, type Writing } from './programs.ts'
import { readState, type Access, type ServerState } from './server-state.ts'

export interface Said {
  /** `clone 7`, or `parent`. */
  who: string
  state: ServerState
  clock: Bounds
  /** Of reads.py. */
  reads: Buffer
  draws: Record<Drawing, Buffer>
}

export const clockErrorMaxMs = 50
/** Questions until the answers are quick enough to prove it. */
const questionsMax = 50
const lostWithinMs = 15_000
const doneWithinSeconds = 120
const pollMs = 200

const done = `for i in $(seq ${doneWithinSeconds * 2}); do
  [ "$(ls ${dir}/done | wc -l)" = ${writing.length} ] && exit 0
  sleep 0.5
done
echo "only $(ls -m ${dir}/done) did their part"; tail -n 3 ${dir}/*.err
exit 1`

/** Of a program that was started just now; the server's is that of one that was there before the fork. */
const firstClock = async (client: Client, id: string, signal: AbortSignal): Promise<Bounds> => {
  const beforeMs = Date.now()
  const { stdout } = await client.exec.run(id, { cmd: 'date +%s%N' }, { signal })
  return boundsOf(beforeMs, stdout.trim(), Date.now())
}

const clockOf = async (access: Access, id: string, first: Bounds, signal: AbortSignal): Promise<Bounds> => {
  let bounds = first
  for (let asked = 0; asked < questionsMax && !(worstOf(bounds) <= clockErrorMaxMs); asked++) {
    const beforeMs = Date.now()
    const { wall_ns: saidNs } = await readState(access, id, signal)
    bounds = narrow(bounds, boundsOf(beforeMs, saidNs, Date.now()))
  }
  return bounds
}

/** Once the program has noticed what became of its connections, which nobody tells it; or after a while. */
const settledState = async (access: Access, id: string, signal: AbortSignal): Promise<ServerState> => {
  const deadline = performance.now() + lostWithinMs
  for (;;) {
    const state = await readState(access, id, signal)
    const settled = [state.outside, ...state.streams].every(({ end }) => end !== null)
    if (settled || performance.now() > deadline) return state
    await sleep(pollMs, undefined, { signal })
  }
}

const fileOf = async (client: Client, id: string, name: Writing, signal: AbortSignal): Promise<Buffer> => {
  const { body } = await client.files.read(id, `${dir}/${name}`, { signal })
  return buffer(body as AsyncIterable<Uint8Array>)
}

const filesOf = async (
  client: Client,
  id: string,
  signal: AbortSignal,
): Promise<Pick<Said, 'reads' | 'draws'>> => {
  const draws: Partial<Record<Drawing, Buffer>> = {}
  for (const name of drawing) draws[name] = await fileOf(client, id, name, signal)
  return { reads: await fileOf(client, id, 'reads', signal), draws: draws as Record<Drawing, Buffer> }
}

export interface Asking {
  client: Client
  access: Access
  signal: AbortSignal
}

export const hearClone = async (
  { client, access, signal }: Asking,
  who: string,
  id: string,
): Promise<Said> => {
  const clock = await clockOf(access, id, await firstClock(client, id, signal), signal)
  await client.files.write(id, `${dir}/go`, '', { signal })
  const limits = { timeout_seconds: doneWithinSeconds + 30 }
  const ended = await client.exec.run(id, { cmd: done, ...limits }, { signal })
  if (ended.exit_code !== 0) throw new Error(ended.stdout.trim())
  const state = await settledState(access, id, signal)
  return { who, state, clock, ...(await filesOf(client, id, signal)) }
}

export const hearParent = async ({ client, access, signal }: Asking, id: string): Promise<Said> => {
  const clock = await clockOf(access, id, unknown, signal)
  const state = await readState(access, id, signal)
  return { who: 'parent', state, clock, ...(await filesOf(client, id, signal)) }
}
