// Calls to the agent inside a sandbox, with every failure already in words for the caller.

import type { z } from 'zod'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { OpenSandbox } from '@pandastack/core/core.ts'
import type { GuestReply, GuestRequest } from '@pandastack/core/ports/guest-port.ts'
import { readText } from './body.ts'
import { forCaller, refusal } from './faults.ts'

const jsonMaxBytes = 8 * 1024 * 1024

/** Whatever takes one request to the guest. */
type Way = Pick<OpenSandbox, 'request'>

/** The reply as it comes, its status below 300. */
export const callGuest = async (sandbox: Way, request: GuestRequest): Promise<GuestReply> => {
  let reply: GuestReply
  try {
    reply = await sandbox.request(request)
  } catch (error) {
    throw forCaller(error)
  }
  if (reply.status >= 200 && reply.status < 300) return reply
  throw await refusal(reply)
}

/** A JSON reply of a call that is quick, checked against what the guest wire promises. */
export const callForJson = async <Schema extends z.ZodType>(
  sandbox: Way,
  schema: Schema,
  request: GuestRequest,
): Promise<z.infer<Schema>> => {
  const text = await callForText(sandbox, request)
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new PandaError('upstream', 'the sandbox answered with something else than agreed', { cause: error })
  }
}

export const callForText = async (sandbox: Way, request: GuestRequest): Promise<string> => {
  const reply = await callGuest(sandbox, request)
  try {
    return await readText(reply, jsonMaxBytes)
  } catch (error) {
    throw forCaller(error)
  }
}

export const json = (value: unknown): { headers: Record<string, string>; body: string } => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})
