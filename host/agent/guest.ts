// The agent's own calls to the agent inside a machine: is it there, and thaw. What comes back is untrusted: it is short,
// it is parsed, and it is compared with what was asked for. One connection is kept per machine, so that the first call
// pays for it while the machine is still starting.

import { randomBytes, randomUUID } from 'node:crypto'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { MachineSpec } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { Nic } from '@pandastack/driver/values.ts'

export const guestPort = 49_983
const replyMaxBytes = 65_536
const pollMs = 4
const clockErrorMaxMs = 1_000

export const guestAddress = (nic: Nic): { host: string; port: number } => ({
  host: nic.hostAddress,
  port: nic.guestPort ?? guestPort,
})

const thawed = z.object({
  generation: z.number(),
  hostname: z.string(),
  machine_id: z.string(),
  wall_unix_ns: z.string(),
  addresses: z.array(z.string()),
})

export class ThawFailed extends Error {
  override name = 'ThawFailed'
  /** Of the guest's refusal; 0: it did not refuse. */
  readonly status: number

  constructor(message: string, status = 0) {
    super(message)
    this.status = status
  }
}

/** Waits until the guest agent answers. */
export async function awaitGuest(nic: Nic, signal: AbortSignal): Promise<void> {
  await retrying(nic, { method: 'GET', path: '/v1/health' }, signal)
}

/**
 * Gives a restored machine its own identity and verifies what the guest reads back: host name, machine id, generation,
 * clock, network. The first call also waits for the guest to answer at all. Throws ThawFailed.
 */
export async function thaw(
  spec: MachineSpec,
  nic: Nic,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  const machineId = randomUUID().replaceAll('-', '')
  const body = {
    generation,
    hostname: spec.hostname,
    machine_id: machineId,
    wall_unix_ns: `${Date.now()}000000`,
    entropy: randomBytes(64).toString('base64'),
    access_token: spec.guestToken,
    // Nobody is told it: processes of the sandbox reach the guest agent too, and this face of it acts as root.
    client_token: randomBytes(32).toString('hex'),
    env: spec.env,
    sandbox_id: spec.sandboxId,
    template: spec.source.template,
    resolver: nic.gateway,
  }
  const { source, guestToken } = spec
  const before = source.kind === 'snapshot' ? source.guestToken : guestToken
  const send = (token: string): Promise<unknown> =>
    retrying(nic, { method: 'POST', path: '/v1/thaw', body, token }, signal)
  const answer = thawed.safeParse(
    await send(before).catch((error: unknown) => {
      // Should an answer have got lost, the guest has taken its new token already.
      if (before !== guestToken && error instanceof ThawFailed && error.status === 401)
        return send(guestToken)
      throw error
    }),
  )
  if (!answer.success) throw new ThawFailed('the guest agent gave no proper answer to the thaw')
  const said = answer.data
  if (said.generation !== generation) throw new ThawFailed('the guest kept an old generation')
  if (said.hostname !== spec.hostname) throw new ThawFailed('the guest kept an old host name')
  if (said.machine_id !== machineId) throw new ThawFailed('the guest kept an old machine id')
  if (!said.addresses.includes(nic.guestAddress)) throw new ThawFailed('the guest does not have its address')
  const clockErrorMs = Math.abs(Number(BigInt(said.wall_unix_ns) / 1_000_000n) - Date.now())
  if (clockErrorMs > clockErrorMaxMs) throw new ThawFailed(`the guest clock is off by ${clockErrorMs} ms`)
}

/** Until the guest listens its connections are refused or lost: each try is short and the deadline is the signal's. */
async function retrying(nic: Nic, call: GuestCall, signal: AbortSignal): Promise<unknown> {
  for (let tryMs = 250; ; tryMs = Math.min(tryMs * 2, 5_000)) {
    signal.throwIfAborted()
    try {
      return await callGuest(nic, call, AbortSignal.any([signal, AbortSignal.timeout(tryMs)]))
    } catch (error) {
      if (error instanceof ThawFailed) throw error
      await sleep(pollMs, undefined, { signal })
    }
  }
}

export interface GuestCall {
  method: 'GET' | 'POST'
  path: string
  body?: object
  token?: string
}

export function callGuest(nic: Nic, call: GuestCall, signal: AbortSignal): Promise<unknown> {
  const { method, path, body, token } = call
  const text = body === undefined ? '' : JSON.stringify(body)
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const request = http.request(
    {
      ...guestAddress(nic),
      method,
      path,
      signal,
      agent: false,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
    },
    (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > replyMaxBytes)
          return void request.destroy(new ThawFailed('the guest agent answers without end'))
        chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () => {
        const said = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode !== 200)
          return reject(
            new ThawFailed(
              `the guest agent answered ${response.statusCode}: ${said.slice(0, 200)}`,
              response.statusCode,
            ),
          )
        try {
          resolve(JSON.parse(said))
        } catch {
          reject(new ThawFailed('the guest agent did not answer in JSON'))
        }
      })
    },
  )
  request.on('error', reject)
  request.end(text)
  return promise
}
