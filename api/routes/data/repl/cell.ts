// One cell in one session: the code goes in on the process's standard input, the result is read from its output, which
// is attached to for just as long. At the deadline, or when the client has gone, the cell is interrupted; a cell that
// goes on all the same is ended together with its session, so that the next one never waits behind it.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { frameType, readFrames } from '@pandastack/contracts/wire/guest/v1/frames.ts'
import type { OpenSandbox } from '@pandastack/core/core.ts'
import type { ByteBudget } from '../guest/body.ts'
import { callGuest } from '../guest/call.ts'
import { forCaller } from '../guest/faults.ts'
import { cellReply, encodeMessage, MessageParser } from './messages.ts'
import type { CellReply } from './messages.ts'
import { feed, noSession, signalSession } from './sessions.ts'
import type { Turn } from './turns.ts'

const interruptMs = 5000

export interface Cell {
  sandbox: OpenSandbox
  sessionId: string
  turn: Turn
  code: string
  timeoutMs: number
  budget: ByteBudget
}

export const runCell = async (cell: Cell, signal: AbortSignal): Promise<CellReply> => {
  const attached = new AbortController()
  const number = randomUUID()
  try {
    const reply = readReply(cell, number, attached.signal)
    // Watched from here on, also while the code is still being sent.
    reply.catch(() => undefined)
    const request = { cell: number, code: cell.code, timeout_ms: cell.timeoutMs }
    const late = Symbol('late')
    const sent = feed(cell.sandbox, cell.sessionId, encodeMessage(cell.sessionId, request), attached.signal)
    const inTime = sleep(cell.timeoutMs, late, { signal: AbortSignal.any([signal, attached.signal]) }).catch(
      () => late,
    )
    const outcome = await Promise.race([sent.then(() => reply), reply, inTime])
    if (typeof outcome !== 'symbol') return outcome
    sent.catch(() => undefined)
    throw await interrupted(cell, reply, signal)
  } finally {
    attached.abort(new Error('the cell is over'))
  }
}

/** Ends the cell one way or the other and says which. */
const interrupted = async (
  cell: Cell,
  reply: Promise<CellReply>,
  signal: AbortSignal,
): Promise<PandaError> => {
  const { sandbox, sessionId, timeoutMs } = cell
  await signalSession(sandbox, sessionId, 2)
  const stopped = await Promise.race([reply.then(() => true), sleep(interruptMs, false)])
  if (!stopped) await signalSession(sandbox, sessionId, 9)
  if (signal.aborted) return forCaller(signal.reason)
  const rest = stopped ? 'it was interrupted' : 'it could not be interrupted, so its session was ended'
  return new PandaError('exec_timeout', `code timeout after ${timeoutMs} ms; ${rest}`)
}

const readReply = async (cell: Cell, number: string, signal: AbortSignal): Promise<CellReply> => {
  const { sandbox, sessionId, turn } = cell
  using memory = cell.budget.open()
  const answer = await callGuest(sandbox, {
    method: 'GET',
    path: `/v1/exec/${sessionId}?after=${turn.place.readSeq}`,
    signal,
    silenceMs: cell.timeoutMs + 60_000,
  })
  const parser = new MessageParser(sessionId, memory.take)
  try {
    for await (const frame of readFrames(answer.body)) {
      if (frame.type === frameType.exit) throw noSession()
      if (frame.type !== frameType.stdout) continue
      for (const message of parser.push(frame.payload)) {
        const reply = cellReply.safeParse(JSON.parse(message.toString('utf8')))
        if (!reply.success || reply.data.cell !== number) continue
        turn.place.readSeq = frame.seq
        return reply.data
      }
    }
  } catch (error) {
    throw forCaller(error)
  }
  throw new PandaError('upstream', 'the sandbox ended the stream before the cell had ended')
}
