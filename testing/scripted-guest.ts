// A guest agent that says what a test tells it to: an HTTP server on a free port of loopback.

import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { once } from 'node:events'

export interface ScriptedGuest extends AsyncDisposable {
  port: number
}

export const startScriptedGuest = async (script: {
  request?: (request: IncomingMessage, response: ServerResponse) => void
  upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}): Promise<ScriptedGuest> => {
  const server = createServer((request, response) => {
    if (script.request) script.request(request, response)
    else response.writeHead(404).end()
  })
  if (script.upgrade) server.on('upgrade', script.upgrade)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
