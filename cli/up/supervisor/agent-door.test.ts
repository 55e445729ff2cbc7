import { createServer } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { askAgent } from './agent-door.ts'

const listening = async (answer: (path: string) => string | null) => {
  const dir = await mkdtemp(join(tmpdir(), 'door-'))
  const agentSocket = join(dir, 'agent.sock')
  const server = createServer((request, reply) => {
    const text = answer(request.url ?? '')
    if (text !== null) reply.end(text)
  })
  await new Promise<void>((resolve) => server.listen(agentSocket, resolve))
  return {
    agentSocket,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(dir, { recursive: true })
    },
  }
}

test('an answer comes with status and body', async () => {
  await using agent = await listening((path) => path)
  expect(await askAgent(agent, 'GET', '/v1/host', 2000)).toEqual({ status: 200, body: '/v1/host' })
})

test('a silent agent and an absent one are errors', async () => {
  await using agent = await listening(() => null)
  await expect(askAgent(agent, 'GET', '/', 30)).rejects.toThrow()
  await expect(askAgent({ agentSocket: `${agent.agentSocket}.none` }, 'GET', '/', 1000)).rejects.toThrow(
    'ENOENT',
  )
})
