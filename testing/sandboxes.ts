// What tests do with sandboxes over the API of a test installation, each with its expected answer.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecRequest, ExecResult, Sandbox, SandboxCreate } from '@pandastack/contracts/http/shapes.ts'
import type { Installation } from './installation.ts'
import type { Reply } from './installation/wire.ts'

const expectStatus = (reply: Reply, status: number, what: string): void => {
  if (reply.status !== status) throw new Error(`${what} was answered with ${reply.status}: ${reply.text}`)
}

export const createSandbox = async (on: Installation, input: SandboxCreate = {}): Promise<Sandbox> => {
  const reply = await on.call('POST', '/v1/sandboxes', { template: 'base', ttl_seconds: 600, ...input })
  expectStatus(reply, 201, 'create')
  return reply.json<Sandbox>()
}

export const exec = async (
  on: Installation,
  id: string,
  cmd: string,
  options: Omit<ExecRequest, 'cmd'> = {},
): Promise<ExecResult> => {
  const reply = await on.call('POST', `/v1/sandboxes/${id}/exec`, { cmd, ...options })
  expectStatus(reply, 200, 'exec')
  return reply.json<ExecResult>()
}

/** What a command prints; throws unless it ends well. */
export const output = async (on: Installation, id: string, cmd: string): Promise<string> => {
  const result = await exec(on, id, cmd)
  if (result.exit_code !== 0) throw new Error(`${cmd}: exit code ${result.exit_code}: ${result.stderr}`)
  return result.stdout.trim()
}

export const removeSandbox = async (on: Installation, id: string): Promise<void> =>
  expectStatus(await on.call('DELETE', `/v1/sandboxes/${id}`), 204, 'delete')

export const removeAll = async (on: Installation): Promise<void> => {
  await Promise.all((await listed(on)).map(({ id }) => removeSandbox(on, id)))
}

export const listed = async (on: Installation): Promise<Sandbox[]> =>
  (await on.call('GET', '/v1/sandboxes')).json<Sandbox[]>()

export const found = async (on: Installation, id: string): Promise<Sandbox | null> => {
  const reply = await on.call('GET', `/v1/sandboxes/${id}`)
  if (reply.status === 404) return null
  expectStatus(reply, 200, 'get')
  return reply.json<Sandbox>()
}

/** Asks again until the answer is good; throws with the last one after the deadline. */
export const eventually = async <T>(
  ask: () => Promise<T>,
  good: (answer: T) => boolean,
  withinMs = 20_000,
): Promise<T> => {
  const deadline = performance.now() + withinMs
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 1.5, 500)) {
    let said: unknown
    try {
      const answer = await ask()
      if (good(answer)) return answer
      said = JSON.stringify(answer)
    } catch (error) {
      said = error
    }
    if (performance.now() > deadline)
      throw new Error(`not within ${withinMs} ms: ${String(said)}`, { cause: said })
    await sleep(pauseMs)
  }
}

/** Nothing is left that belongs to nobody, once what was under way has come to its end. */
export const noLeaks = async (on: Installation): Promise<void> => {
  await eventually(
    () => on.leaks(),
    (leaks) => leaks.length === 0,
  )
}

/** In the end there are these sandboxes, running, and these alone; nothing is half made. */
export const settlesOn = async (on: Installation, ids: readonly string[]): Promise<void> => {
  const wanted = JSON.stringify(ids.map((id) => `${id} running`).toSorted())
  const same = (there: string[]): boolean => JSON.stringify(there.toSorted()) === wanted
  await eventually(async () => (await listed(on)).map(({ id, status }) => `${id} ${status}`), same, settleMs)
  await eventually(
    async () => (await on.machines()).map(({ sandboxId, state }) => `${sandboxId} ${state}`),
    same,
    settleMs,
  )
  await noLeaks(on)
}

const settleMs = 60_000
