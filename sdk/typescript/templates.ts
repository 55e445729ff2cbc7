// Templates: what sandboxes are made from.

import type { Template } from '@pandastack/contracts/http/shapes.ts'
import type { Connection } from './connection.ts'
import { ApiError, Unreachable } from './errors.ts'
import { serverEvents } from './sse.ts'

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

async function* baking(
  connection: Connection,
  name: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<BakeProgress, void, void> {
  const reply = await connection.open({
    method: 'POST',
    path: `/templates/${encodeURIComponent(name)}/bake`,
    headers: { accept: 'text/event-stream' },
    signal,
  })
  if (reply.body) {
    for await (const { event, data } of serverEvents(reply.body)) {
      const said = JSON.parse(data) as { step?: string; percent?: number; error?: string }
      if (event === 'error') throw new ApiError(500, said.error ?? 'the template could not be baked')
      if (event === 'done') return
      if (event === 'progress') yield { step: said.step ?? '', percent: said.percent ?? 0 }
    }
  }
  throw new Unreachable('the stream ended before the template was baked')
}

export const templatesOf = (connection: Connection): Templates => ({
  list: () => connection.json<Template[]>({ path: '/templates' }),
  get: (name) => connection.json<Template>({ path: `/templates/${encodeURIComponent(name)}` }),
  bake: (name, options = {}) => baking(connection, name, options.signal),
})
