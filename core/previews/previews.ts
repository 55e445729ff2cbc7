// Signed links to one port of one sandbox: base64url(payload) "." base64url(HMAC-SHA256), where the payload is
// `sandbox|port|expiry in unix seconds|JSON of path prefixes`. Revoked by the end of the sandbox.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { isUuid } from '@pandastack/contracts/ids.ts'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { known, owned } from '../sandboxes/owned.ts'

export interface Preview {
  sandboxId: string
  port: number
  paths: string[]
}

const tokenLengthMax = 16_384

export const sign = async (
  ctx: Context,
  caller: Caller,
  id: string,
  input: { port: number; ttl_seconds: number; paths: string[] },
): Promise<{ token: string; expires_at: string }> => {
  const live = await owned(ctx, caller, id)
  const expirySeconds = Math.floor(ctx.clock.wallMs() / 1000) + input.ttl_seconds
  const text = `${live.row.id}|${input.port}|${expirySeconds}|${JSON.stringify(input.paths)}`
  const payload = Buffer.from(text).toString('base64url')
  return {
    token: `${payload}.${mac(ctx.settings.secret, payload).toString('base64url')}`,
    expires_at: new Date(expirySeconds * 1000).toISOString(),
  }
}

export const verify = async (ctx: Context, token: string): Promise<Preview | null> => {
  const read = readToken(ctx.settings.secret, token, ctx.clock.wallMs())
  if (!read) return null
  try {
    await known(ctx, read.sandboxId)
    return read
  } catch (error) {
    if (error instanceof PandaError && error.code === 'not_found') return null
    throw error
  }
}

/** What a token says, when it is ours and its time is not over: pure. */
export const readToken = (secret: Buffer, token: string, nowMs: number): Preview | null => {
  if (token.length > tokenLengthMax) return null
  const [payload, signature, ...more] = token.split('.')
  if (payload === undefined || signature === undefined || more.length > 0) return null
  const given = Buffer.from(signature, 'base64url')
  const expected = mac(secret, payload)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null
  const [sandboxId = '', port = '', expirySeconds = '', ...rest] = Buffer.from(payload, 'base64url')
    .toString('utf8')
    .split('|')
  if (!isUuid(sandboxId) || Number(expirySeconds) * 1000 <= nowMs) return null
  return { sandboxId, port: Number(port), paths: JSON.parse(rest.join('|')) as string[] }
}

const mac = (secret: Buffer, payload: string): Buffer =>
  createHmac('sha256', secret).update(`preview link\n${payload}`).digest()
