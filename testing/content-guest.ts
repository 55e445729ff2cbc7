// A guest for scripted hosts that keeps files: PUT, GET and DELETE of /v1/files, over what the machine's captures hold.

import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { GuestReply, GuestRequest } from '@pandastack/core/ports/guest-port.ts'
import type { FakeHost } from './fake-host.ts'

const reply = (status: number, body: string): GuestReply => ({
  status,
  headers: { 'content-length': String(Buffer.byteLength(body)) },
  body: Readable.from([Buffer.from(body)]),
})

const bodyOf = async ({ body = '' }: GuestRequest): Promise<string> =>
  typeof body === 'string' ? body : body instanceof Readable ? text(body) : Buffer.from(body).toString('utf8')

/** Makes the host's machines keep what is written into them. */
export const keepFiles = (host: FakeHost): void => {
  host.answer = async (machineId, request) => {
    const machine = host.machines.get(machineId)
    if (!machine || machine.report.state !== 'running') return reply(503, '{}')
    const url = new URL(request.path, 'http://guest')
    const path = url.searchParams.get('path') ?? ''
    if (request.method === 'PUT') {
      const content = await bodyOf(request)
      machine.content.set(path, content)
      return reply(200, JSON.stringify({ path, bytes: content.length }))
    }
    if (request.method === 'GET' && url.pathname === '/v1/files') {
      const content = machine.content.get(path)
      return content === undefined ? reply(404, '{"error":"no such file"}') : reply(200, content)
    }
    return reply(200, JSON.stringify({ stdout: '', stderr: '', exit_code: 0, duration_ms: 1 }))
  }
}
