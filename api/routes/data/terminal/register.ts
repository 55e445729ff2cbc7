// GET /sandboxes/{id}/ssh and /exec/pty: a terminal over a WebSocket. Binary messages are the terminal's bytes, both
// ways. Text from the client is `{"resize":{"rows","cols"}}` or `{"stdin":"..."}`; text from us is `{"exit":N}` once all
// output has been sent, or `{"error":"..."}`; then the connection is closed.

import { z } from 'zod'
import { webSocket } from '../../../answers.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { forCaller } from '../guest/faults.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'
import { acceptSocket } from '../socket.ts'
import type { Message, Peer } from '../socket.ts'
import { openShell } from './shell.ts'
import type { Shell, Size } from './shell.ts'

const side = z.coerce.number().int().min(1).max(10_000)
const sizeQuery = z.object({ rows: side.default(24), cols: side.default(80) })
const control = z.object({
  resize: z.object({ rows: z.number(), cols: z.number() }).optional(),
  stdin: z.string().optional(),
})

export const registerTerminal = (app: ApiApp, { core }: ApiDeps): void => {
  for (const path of ['ssh', 'exec/pty']) {
    app.get(
      `/sandboxes/:id/${path}`,
      {
        schema: {
          operationId: path === 'ssh' ? 'openTerminal' : 'openPty',
          summary: 'A terminal over a WebSocket',
          tags: ['exec'],
          params: sandboxParams,
          querystring: sizeQuery,
          answers: { 101: webSocket },
        },
      },
      async (request, reply) => {
        using sandbox = await openSandbox(core, request)
        const size = request.query
        await using peer = await acceptSocket(request, reply)
        try {
          await converse(peer, await openShell(sandbox, size, peer.signal))
        } catch (error) {
          if (peer.signal.aborted) return
          await peer.send(JSON.stringify({ error: forCaller(error).message })).catch(() => undefined)
        }
      },
    )
  }
}

const converse = async (peer: Peer, shell: Shell): Promise<void> => {
  peer.onMessage((message) => obey(shell, message))
  for await (const output of shell.output) {
    if ('bytes' in output) await peer.send(output.bytes)
    else await peer.send(JSON.stringify({ exit: output.exit }))
  }
}

const obey = async (shell: Shell, message: Message): Promise<void> => {
  if ('bytes' in message) return shell.type(message.bytes)
  const { resize, stdin } = understood(message.text)
  if (stdin !== undefined) await shell.type(Buffer.from(stdin, 'utf8'))
  if (resize) shell.resize({ rows: clamped(resize.rows), cols: clamped(resize.cols) } satisfies Size)
}

/** A terminal has at least one cell, and no screen has more than this. */
const clamped = (count: number): number => Math.min(Math.max(Math.trunc(count) || 1, 1), 10_000)

const understood = (text: string): z.infer<typeof control> => {
  try {
    return control.parse(JSON.parse(text))
  } catch {
    return {}
  }
}
