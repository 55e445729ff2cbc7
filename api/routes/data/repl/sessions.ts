// Code contexts. A session is a detached process of the guest: its id is the process's id, its language the process's
// tag. Nothing about it has to be kept here, so sessions outlive this process.

import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { isUuid } from '@pandastack/contracts/ids.ts'
import { processList } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { ExecRequest } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { OpenSandbox } from '@pandastack/core/core.ts'
import { callForJson, callForText, json } from '../guest/call.ts'
import type { Language } from './languages.ts'

const tagPrefix = 'repl-'
const startMs = 30_000

export interface Session {
  id: string
  language: string
  created_at: string
}

/** New, or for a repeated request the same again: a process whose id is taken is not started twice. */
export const sessionIdFor = (sandboxId: string, idempotencyKey: string | undefined): string => {
  if (idempotencyKey === undefined) return randomUUID()
  const hex = createHash('sha256').update(`code context\n${sandboxId}\n${idempotencyKey}`).digest('hex')
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
}

/** Starts the driver's process and hands it its source; whether it works shows with the first cell. */
export const startSession = async (
  sandbox: OpenSandbox,
  language: Language,
  id: string,
  signal: AbortSignal,
): Promise<Session> => {
  if (!language.driver) {
    throw new PandaError('invalid_request', `${language.id} has no code contexts, only code that is run once`)
  }
  const request: ExecRequest = {
    ...language.driver.command(id),
    id,
    tag: `${tagPrefix}${language.id}`,
    stdin: true,
    detach: true,
    on_hangup: 'keep',
    log: false,
  }
  const call = { method: 'POST', signal, silenceMs: startMs } as const
  await callForText(sandbox, { ...call, path: '/v1/exec', ...json(request) })
  await feed(sandbox, id, language.driver.source, signal)
  return { id, language: language.id, created_at: new Date().toISOString() }
}

export const listSessions = async (sandbox: OpenSandbox): Promise<Session[]> => {
  const { processes } = await callForJson(sandbox, processList, { method: 'GET', path: '/v1/exec' })
  return processes
    .filter((one) => !one.ended && one.tag?.startsWith(tagPrefix))
    .map((one) => ({
      id: one.id,
      language: (one.tag ?? '').slice(tagPrefix.length),
      created_at: new Date(one.started_unix_ms).toISOString(),
    }))
}

export const noSession = (): PandaError => new PandaError('not_found', 'no such session')

/** Throws 404 unless the id names a running session; other processes of the sandbox are none. */
export const findSession = async (sandbox: OpenSandbox, id: string): Promise<Session> => {
  if (!isUuid(id)) throw noSession()
  const found = (await listSessions(sandbox)).find((one) => one.id === id)
  if (!found) throw noSession()
  return found
}

export const feed = async (
  sandbox: OpenSandbox,
  id: string,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<void> => {
  await callForText(sandbox, {
    method: 'POST',
    path: `/v1/exec/${id}/stdin?close=0`,
    body: bytes,
    signal,
    silenceMs: startMs,
  })
}

const endPollMs = 20
const endPollsMax = 100

/** Returns when it has ended: whoever asks next finds it no more. */
export const endSession = async (sandbox: OpenSandbox, id: string): Promise<void> => {
  await signalSession(sandbox, id, 9)
  for (let poll = 0; poll < endPollsMax; poll++) {
    if (!(await listSessions(sandbox)).some((one) => one.id === id)) return
    await sleep(endPollMs)
  }
}

/** To the whole process group. A process that has ended already is as good. */
export const signalSession = async (sandbox: OpenSandbox, id: string, signal: 2 | 9): Promise<void> => {
  const call = { method: 'POST', path: `/v1/exec/${id}/signal`, ...json({ signal }) } as const
  await callForText(sandbox, call).catch((error: unknown) => {
    if (!(error instanceof PandaError) || !['not_found', 'conflict'].includes(error.code)) throw error
  })
}
