// Ingress to ports inside sandboxes, by host name.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Caller, Core } from '@pandastack/core/core.ts'
import type { Log } from '@pandastack/kit/log/log.ts'

export interface Edge {
  matches(host: string): boolean
  handle(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export const createEdge = (_options: {
  core: Core
  log: Log
  suffix: string
  verifyKey: (key: string, requestId: string) => Promise<Caller | null>
}): Edge => ({
  matches: () => false,
  handle: (_request, response) => void response.writeHead(404).end(),
  upgrade: (_request, socket) => void socket.destroy(),
})
