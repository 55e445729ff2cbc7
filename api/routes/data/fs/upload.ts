// A request's body as a stream that can fail on its own: when the guest gives up first, the client's connection stays
// whole for the reply. Ends with an error when the client goes away or stops sending.

import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import type { Readable } from 'node:stream'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { clientGone } from '../../../hangup.ts'

const bufferBytes = 256 * 1024
const stallMs = 60_000

export const uploadOf = (request: IncomingMessage): Readable => {
  const body = new PassThrough({ highWaterMark: bufferBytes })
  const stalled = (): void => {
    // A guest that takes nothing is not the client's fault.
    if (body.writableNeedDrain) timer.refresh()
    else body.destroy(new PandaError('invalid_request', `the upload stalled for ${stallMs / 1000} s`))
  }
  const timer = setTimeout(stalled, stallMs)
  const cut = (): void => {
    if (!request.complete) body.destroy(clientGone())
  }
  request.on('data', () => timer.refresh())
  request.on('error', cut)
  request.on('close', cut)
  // Whoever sends the body on hears of its errors; nobody may be listening any more when one comes late.
  body.on('error', () => undefined)
  body.once('close', () => {
    clearTimeout(timer)
    request.unpipe(body)
  })
  request.pipe(body)
  return body
}
