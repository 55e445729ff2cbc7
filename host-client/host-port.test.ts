import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { HostRefused, HostUnreachable } from '@pandastack/core/ports/host-port.ts'
import { createHostPort } from './host-port.ts'

const report = (generation: number) => ({
  machineId: randomUUID(),
  sandboxId: randomUUID(),
  generation,
  intent: 1,
  state: 'running' as const,
  tier: 'none' as const,
  driver: 'fake',
  bootMode: null,
  bootMs: null,
  guestIp: null,
  reason: null,
  message: null,
})

const spec = {
  machineId: randomUUID(),
  sandboxId: randomUUID(),
  intent: 1,
  desired: 'running' as const,
  source: { kind: 'template' as const, template: 'base' },
  resources: { cpu: 1, memoryMb: 128, diskMb: 128 },
  hostname: 'box',
  env: {},
  guestToken: 'a'.repeat(32),
  expiresAtUnixMs: null,
}

const agent = async (answer: (request: IncomingMessage, response: ServerResponse) => void) => {
  const socketPath = join(tmpdir(), `agent-${randomUUID()}.sock`)
  const server = createServer(answer)
  server.listen(socketPath)
  await once(server, 'listening')
  const port = createHostPort({ socketPath })
  return {
    port,
    async [Symbol.asyncDispose]() {
      await port[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
    },
  }
}

describe('the host port', () => {
  test('sends the whole spec and answers with the report', async () => {
    const answer = report(3)
    let seen = ''
    await using it = await agent(async (request, response) => {
      for await (const chunk of request) seen += String(chunk)
      expect(request.url).toBe(`/v1/machines/${spec.machineId}?wait_ms=50`)
      response.end(JSON.stringify(answer))
    })
    expect(await it.port.ensure(spec, { waitMs: 50 })).toEqual(answer)
    expect(JSON.parse(seen)).toEqual(spec)
  })

  test('tells a refusal from an agent that is not there', async () => {
    await using it = await agent((_request, response) => {
      response.writeHead(409).end(JSON.stringify({ error: 'a lower intent', code: 'stale_intent' }))
    })
    const refused = it.port.ensure(spec, { waitMs: 50 })
    await expect(refused).rejects.toMatchObject({ code: 'stale_intent', status: 409 })
    await expect(refused).rejects.toBeInstanceOf(HostRefused)
    await using absent = createHostPort({ socketPath: join(tmpdir(), `nobody-${randomUUID()}.sock`) })
    await expect(absent.machines()).rejects.toBeInstanceOf(HostUnreachable)
  })

  test('takes an answer that is not of the wire as no answer', async () => {
    await using it = await agent((_request, response) => response.end('{"machines":[{"generation":"no"}]}'))
    await expect(it.port.machines()).rejects.toBeInstanceOf(HostUnreachable)
  })

  test('knows no stats of an unknown machine', async () => {
    await using it = await agent((_request, response) =>
      response.writeHead(404).end('{"error":"no","code":"not_found"}'),
    )
    expect(await it.port.stats(randomUUID())).toBeNull()
    await expect(it.port.forget(randomUUID())).resolves.toBeUndefined()
  })

  test('follows reports over broken streams until it is told to stop', async () => {
    let streams = 0
    await using it = await agent((_request, response) => {
      streams += 1
      response.write(`{"ping":true}\n${JSON.stringify(report(streams))}\n`)
      // The second stream ends inside a line.
      response.end(streams === 2 ? '{"ha' : '')
    })
    const stop = new AbortController()
    const seen: number[] = []
    await it.port.follow((one) => {
      seen.push(one.generation)
      if (seen.length === 3) stop.abort()
    }, stop.signal)
    expect(seen).toEqual([1, 2, 3])
  })

  test('reports progress of a bake and throws what went wrong in it', async () => {
    await using it = await agent((_request, response) => {
      response.end('{"step":"rootfs","percent":50}\n{"error":"no space"}\n')
    })
    const steps: [string, number][] = []
    const bake = it.port.bake('base', (step, percent) => steps.push([step, percent]))
    await expect(bake).rejects.toThrow('no space')
    expect(steps).toEqual([['rootfs', 50]])
  })
})
