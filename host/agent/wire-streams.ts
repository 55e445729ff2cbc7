// The answers of the host wire that are streams, one JSON document a line. A reader that does not keep up is cut off
// and comes back for the whole state, so nothing piles up here.

import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import type http from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Agent } from './agent.ts'

const pingMs = 10_000
const backlogMaxBytes = 4 * 1_048_576

/** Every machine's report once, then each change. Returns when the reader has gone. */
export async function reportStream(agent: Agent, response: http.ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  const write = (value: object) => {
    if (response.writableLength > backlogMaxBytes) response.destroy()
    else response.write(`${JSON.stringify(value)}\n`)
  }
  using _changes = agent.machines.subscribe(write)
  for (const machine of agent.machines.all()) write(machine.report)
  const ping = setInterval(() => write({ ping: true }), pingMs)
  try {
    await new Promise<void>((resolve) => response.on('close', () => resolve()))
  } finally {
    clearInterval(ping)
  }
}

/** Bakes a template and tells how far it is; the bake goes on when the reader leaves. */
export async function bakeStream(agent: Agent, name: string, response: http.ServerResponse): Promise<void> {
  const write = (value: object) => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    response.write(`${JSON.stringify(value)}\n`)
  }
  try {
    await agent.templates.ensure(
      name,
      (step, percent) => write({ step, percent }),
      new AbortController().signal,
    )
    write({ done: true })
  } catch (error) {
    if (!response.headersSent) throw error
    write({ error: error instanceof Error ? error.message : String(error) })
  }
  response.end()
}

/** A file of changes as it stands on disk; `remove` takes it away afterwards. */
export async function changesStream(
  response: http.ServerResponse,
  make: (signal: AbortSignal) => Promise<string>,
  { remove }: { remove: boolean },
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('the reader has gone')))
  const file = await make(gone.signal)
  try {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    await pipeline(createReadStream(file), response).catch((error: unknown) => {
      // A reader that has gone is nobody's fault.
      if (!response.destroyed) throw error
    })
  } finally {
    if (remove) await rm(file, { force: true })
  }
}
