// Every way to run a command lets core act before it: that is when a sandbox takes its checkpoint.

import { once } from 'node:events'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { encodeFrame, frameType } from '@pandastack/contracts/wire/guest/v1/frames.ts'
import type { OpenSandbox } from '@pandastack/core/core.ts'
import { aSandbox } from '../../../fixtures/examples.ts'
import { startScripted } from '../../../fixtures/scripted-core.ts'
import type { ScriptedApi } from '../../../fixtures/scripted-core.ts'

const result = JSON.stringify({ stdout: '', stderr: '', exit_code: 0, duration_ms: 1 })
const exit = encodeFrame(frameType.exit, 1, Buffer.from('{"exit_code":0}'))

/** `happened` gets what core was told and what the guest was asked, in order. */
const start = (happened: string[], refuse: boolean): Promise<ScriptedApi> => {
  const open = (): OpenSandbox => ({
    sandbox: aSandbox(),
    beforeCommand: async (cmd) => {
      happened.push(`before ${cmd}`)
      if (refuse) throw new PandaError('no_space', 'no space for a checkpoint')
    },
    request: async ({ path }) => {
      happened.push(path)
      return { status: 200, headers: {}, body: Readable.from([path === '/v1/run' ? result : exit]) }
    },
    tunnel: () => Promise.reject(new Error('no tunnel')),
    use: () => ({ [Symbol.dispose]: () => undefined }),
  })
  return startScripted({ sandboxes: { open: async () => open() } })
}

const overSocket = async (api: ScriptedApi): Promise<unknown> => {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/v1/sandboxes/x/exec/ws`, {
    headers: api.auth,
  })
  await once(socket, 'open')
  socket.send(JSON.stringify({ id: 1, cmd: 'true' }))
  const [message] = (await once(socket, 'message')) as [Buffer]
  socket.close()
  return JSON.parse(message.toString('utf8'))
}

const post = (api: ScriptedApi, path: string): Promise<Response> =>
  fetch(`${api.url}/v1/sandboxes/x/${path}`, {
    method: 'POST',
    headers: api.auth,
    body: '{"cmd":"true"}',
  })

test('core is told of a command before the guest', async () => {
  const happened: string[] = []
  await using api = await start(happened, false)
  await (await post(api, 'exec')).text()
  await (await post(api, 'exec/stream')).text()
  expect(await overSocket(api)).toEqual({ id: 1, exit: 0 })
  expect(happened).toEqual(['before true', '/v1/run', 'before true', '/v1/exec', 'before true', '/v1/exec'])
})

test('a command that core refuses is not run', async () => {
  const happened: string[] = []
  await using api = await start(happened, true)
  for (const path of ['exec', 'exec/stream']) {
    const reply = await post(api, path)
    expect([reply.status, ((await reply.json()) as { error: string }).error]).toEqual([
      507,
      'no space for a checkpoint',
    ])
  }
  expect(await overSocket(api)).toEqual({ id: 1, error: 'no space for a checkpoint' })
  expect(happened).toEqual(['before true', 'before true', 'before true'])
})
