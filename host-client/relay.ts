// A connection to one machine's guest agent through the relay socket: one line names the machine, everything after it
// is the guest's. The relay says nothing when it refuses; it closes, which the first read then shows.

import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { isUuid } from '@pandastack/contracts/ids.ts'
import { GuestUnreachable } from '@pandastack/core/ports/guest-port.ts'

const connectMs = 5000

/** An open socket with the machine's line already written; the caller owns it. */
export const openRelay = (relaySocketPath: string, machineId: string): Promise<Socket> => {
  // The id becomes part of a line protocol, so nothing but an id may ever be in it.
  if (!isUuid(machineId)) return Promise.reject(new GuestUnreachable('not a machine id'))
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect({ path: relaySocketPath })
  const fail = (error: Error): void => {
    socket.destroy()
    reject(new GuestUnreachable('the relay of the host does not answer', { cause: error }))
  }
  const timer = setTimeout(() => fail(new Error(`no connection within ${connectMs} ms`)), connectMs)
  socket.once('error', fail)
  socket.once('connect', () => {
    clearTimeout(timer)
    socket.off('error', fail)
    socket.write(`${machineId}\n`)
    resolve(socket)
  })
  socket.once('close', () => clearTimeout(timer))
  return promise
}
