// One request to the host agent on its socket, which only root and the control plane can open.

import { request } from 'node:http'
import type { Home } from '../home.ts'

export interface AgentAnswer {
  status: number
  body: string
}

const bodyMaxBytes = 64 * 1024 * 1024

/** Throws when nobody listens, or when the answer takes longer than `timeoutMs` or is absurdly long. */
export const askAgent = (
  home: Pick<Home, 'agentSocket'>,
  method: 'GET' | 'DELETE',
  path: string,
  timeoutMs: number,
): Promise<AgentAnswer> =>
  new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const call = request({ socketPath: home.agentSocket, method, path, signal, agent: false }, (reply) => {
      let body = ''
      reply.setEncoding('utf8')
      reply.on('data', (piece: string) => {
        body += piece
        if (body.length > bodyMaxBytes) call.destroy(new Error('the answer of the agent is too long'))
      })
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body }))
      reply.on('error', reject)
    })
    call.on('error', reject)
    call.end()
  })
