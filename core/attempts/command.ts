// Commands of attempts, run inside a child over the guest wire. What comes back is untrusted: bounded and parsed.

import { PandaError } from '@pandastack/contracts/errors.ts'
import { ran } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { Ran, RunRequest } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { Context } from '../context.ts'
import type { GuestReply, GuestRequest } from '../ports/guest-port.ts'
import type { Live } from '../sandboxes/registry.ts'

export const outputMaxBytes = 262_144
/** Each byte of both outputs may be written as `\u00XX`. */
const replyMaxBytes = outputMaxBytes * 2 * 6 + 65_536
const graceMs = 15_000

export const runIn = async (
  ctx: Context,
  live: Live,
  command: RunRequest & { timeout_ms: number },
  signal: AbortSignal,
): Promise<Ran> => {
  const reply = await callGuest(ctx, live, {
    method: 'POST',
    path: '/v1/run',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ max_output_bytes: outputMaxBytes, ...command }),
    signal,
    silenceMs: command.timeout_ms + graceMs,
  })
  return ran.parse(JSON.parse(await textOf(reply)))
}

/** The reply of a call that went well. */
export const callGuest = async (ctx: Context, live: Live, request: GuestRequest): Promise<GuestReply> => {
  const { guest } = ctx.hosts.link(live.row.host)
  live.uses += 1
  try {
    const reply = await guest.request(live.row.machine_id, live.secrets.guestToken, request)
    if (reply.status >= 200 && reply.status < 300) return reply
    const said = await textOf(reply)
    throw new PandaError('upstream', `the sandbox answered ${reply.status}: ${said.slice(0, 200)}`)
  } finally {
    live.uses -= 1
  }
}

export const textOf = async (reply: GuestReply): Promise<string> => {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of reply.body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > replyMaxBytes) throw new PandaError('upstream', 'the sandbox answered without end')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
