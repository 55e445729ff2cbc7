// What core hands out once it has authorised a caller: a way to the agent inside one machine.
// Bytes flow adapter <-> host-client <-> relay <-> guest and never through core.

import type { Duplex, Readable } from 'node:stream'

export interface GuestRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Path and query on the guest wire (contracts/wire/guest/v1). */
  path: string
  headers?: Record<string, string>
  body?: string | Uint8Array | Readable
  signal?: AbortSignal
  /** Longest silence before the reply's head, and between two pieces of its body. 0: no limit. */
  silenceMs?: number
}

export interface GuestReply {
  status: number
  headers: Record<string, string>
  body: Readable
}

export interface GuestPort {
  /** One HTTP exchange with the guest agent over a pooled connection. Throws `GuestUnreachable`. */
  request(machineId: string, token: string, request: GuestRequest): Promise<GuestReply>
  /** Raw bytes to and from a TCP listener inside the sandbox. Throws `GuestUnreachable` or `PortClosed`. */
  tunnel(machineId: string, token: string, port: number, signal?: AbortSignal): Promise<Duplex>
  /** Drops pooled connections to a machine that has ended. */
  release(machineId: string): void
}

export class GuestUnreachable extends Error {
  override name = 'GuestUnreachable'
}

export class PortClosed extends Error {
  override name = 'PortClosed'
}
