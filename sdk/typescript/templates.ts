// Templates: what sandboxes are made from.

import type { Template } from '@pandastack/contracts/http/shapes.ts'
import type { Connection } from './connection.ts'
import { ApiError, Unreachable } from './errors.ts'

export interface BakeProgress {
  step: string
  percent: number
}

export interface Templates {
  list(): Promise<Template[]>
  get(name: string): Promise<Template>
  /** Boots the template once and keeps its snapshot, so that the first create need not. */
  bake(name: string, options?: { signal?: AbortSignal }): AsyncGenerator<BakeProgress, void, void>
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of body) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
  }
  if (rest !== '') yield rest
}

async function* baking(
  connection: Connection,
  name: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<BakeProgress, void, void> {
  const reply = await connection.open({
    method: 'POST',
    path: `/templates/${encodeURIComponent(name)}/bake`,
    json: {},
    signal,
  })
  if (reply.body) {
    for await (const line of linesOf(reply.body)) {
      const said = JSON.parse(line) as { step?: string; percent?: number; done?: boolean; error?: string }
      if (said.error !== undefined) throw new ApiError(500, said.error)
      if (said.done) return
      if (said.step !== undefined) yield { step: said.step, percent: said.percent ?? 0 }
    }
  }
  throw new Unreachable('the stream ended before the template was baked')
}

export const templatesOf = (connection: Connection): Templates => ({
  list: () => connection.json<Template[]>({ path: '/templates' }),
  get: (name) => connection.json<Template>({ path: `/templates/${encodeURIComponent(name)}` }),
  bake: (name, options = {}) => baking(connection, name, options.signal),
})
