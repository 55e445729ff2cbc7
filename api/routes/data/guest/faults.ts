// What went wrong between us and a guest, in words for the caller. The published clients retry a 5xx that looks like a
// machine that is still booting; ours are ready before they are handed out, so no text here may look like one.

import { PandaError } from '@pandastack/contracts/errors.ts'
import type { ErrorCode } from '@pandastack/contracts/errors.ts'
import { GuestUnreachable, PortClosed } from '@pandastack/core/ports/guest-port.ts'
import type { GuestReply } from '@pandastack/core/ports/guest-port.ts'
import { readText } from './body.ts'

export const forCaller = (error: unknown): PandaError => {
  if (error instanceof PandaError) return error
  if (error instanceof PortClosed)
    return new PandaError('upstream', `upstream: ${error.message}`, { cause: error })
  if (error instanceof GuestUnreachable)
    return new PandaError('unavailable', 'the sandbox does not answer', {
      cause: error,
      retryAfterSeconds: 1,
    })
  return new PandaError('upstream', 'the sandbox broke off its answer', { cause: error })
}

const codes: Record<number, ErrorCode> = {
  400: 'invalid_request',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  429: 'rate_limited',
  507: 'no_space',
}

/** The guest's refusal with its own sentence, cut to a sensible length. Reads the reply to its end. */
export const refusal = async (reply: GuestReply): Promise<PandaError> => {
  const text = await readText(reply, 65_536).catch(() => '')
  const code = codes[reply.status]
  if (!code) return new PandaError('upstream', 'the sandbox could not do this', { cause: new Error(text) })
  return new PandaError(code, sentence(text) ?? 'the sandbox refused this')
}

const sentence = (text: string): string | undefined => {
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    return typeof error === 'string' && error !== '' ? error.slice(0, 500) : undefined
  } catch {
    return undefined
  }
}
