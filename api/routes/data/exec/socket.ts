// GET /sandboxes/{id}/exec/ws: many commands over one WebSocket. The client sends `{id, cmd, timeout_seconds?, ...}` and
// `{id, cancel: true}`; it gets `{id, stream, data}`, then `{id, exit}` or `{id, error}`. Ids are the client's; one that
// is in use cannot be used again until its command has ended.

import { z } from 'zod'
import { execRequest } from '@pandastack/contracts/http/shapes.ts'
import type { OpenSandbox } from '@pandastack/core/core.ts'
import { webSocket } from '../../../answers.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { forCaller } from '../guest/faults.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'
import { acceptSocket } from '../socket.ts'
import type { Message, Peer } from '../socket.ts'
import { guestCommand, streamSecondsDefault, timeoutSentence } from './command.ts'
import { outputs, startExec } from './outputs.ts'

const commandsMax = 32

const commandId = z.union([z.string().max(128), z.number()])
const cancelMessage = z.object({ id: commandId, cancel: z.literal(true) })
const startMessage = execRequest.extend({ id: commandId })
type Start = z.infer<typeof startMessage>

export const registerExecSocket = (app: ApiApp, { core }: ApiDeps): void => {
  app.get(
    '/sandboxes/:id/exec/ws',
    {
      schema: {
        operationId: 'execSocket',
        summary: 'Run many commands over one WebSocket',
        tags: ['exec'],
        params: sandboxParams,
        answers: { 101: webSocket },
      },
    },
    async (request, reply) => {
      using sandbox = await openSandbox(core, request)
      await using peer = await acceptSocket(request, reply)
      const running = new Map<Start['id'], AbortController>()
      peer.onMessage((message) => take(message, sandbox, peer, running))
      await ended(peer.signal)
      for (const command of running.values()) command.abort(peer.signal.reason)
    },
  )
}

const ended = (signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}

const take = async (
  message: Message,
  sandbox: OpenSandbox,
  peer: Peer,
  running: Map<Start['id'], AbortController>,
): Promise<void> => {
  const value = decoded(message)
  const cancel = cancelMessage.safeParse(value)
  if (cancel.success) {
    running.get(cancel.data.id)?.abort(new Error('cancelled'))
    return
  }
  const start = startMessage.safeParse(value)
  const id = (value as { id?: unknown } | null)?.id ?? null
  if (!start.success) return tell(peer, { id, error: 'not a command: {"id", "cmd", "timeout_seconds"?}' })
  if (running.has(start.data.id)) return tell(peer, { id, error: 'a command with this id is still running' })
  if (running.size >= commandsMax) {
    return tell(peer, { id, error: `more than ${commandsMax} commands are running on this connection` })
  }
  const abort = new AbortController()
  running.set(start.data.id, abort)
  void run(start.data, sandbox, peer, abort.signal).finally(() => running.delete(start.data.id))
}

const run = async (start: Start, sandbox: OpenSandbox, peer: Peer, signal: AbortSignal): Promise<void> => {
  const { id } = start
  try {
    await sandbox.beforeCommand(start.cmd)
    const frames = await startExec(sandbox, guestCommand(start, streamSecondsDefault), signal)
    for await (const output of outputs(frames)) {
      if ('text' in output) {
        await tell(peer, { id, stream: output.stream, data: output.text })
        continue
      }
      const { exit_code, timed_out, error } = output.exit
      if (timed_out) await tell(peer, { id, error: timeoutSentence(start, streamSecondsDefault) })
      else if (error === undefined) await tell(peer, { id, exit: exit_code })
      else await tell(peer, { id, error })
    }
  } catch (error) {
    if (peer.signal.aborted) return
    const sentence = signal.aborted ? 'cancelled' : forCaller(error).message
    await tell(peer, { id, error: sentence }).catch(() => undefined)
  }
}

const tell = (peer: Peer, value: unknown): Promise<void> => peer.send(JSON.stringify(value))

const decoded = (message: Message): unknown => {
  try {
    return JSON.parse('text' in message ? message.text : message.bytes.toString('utf8'))
  } catch {
    return null
  }
}
