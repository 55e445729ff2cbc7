// GET /sandboxes/{id}/fs, fs/dir and fs/stat: a file's bytes, a directory's entries, one entry.

import { z } from 'zod'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { hangupOf } from '../../../hangup.ts'
import { callGuest } from '../guest/call.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'
import { passOn } from '../guest/pass-on.ts'
import { filesAt, path, pathQuery, readSilenceMs } from './path.ts'

const entry = z
  .object({
    name: z.string(),
    path: z.string(),
    is_dir: z.boolean(),
    size: z.number(),
    mode: z.string(),
    perm: z.string(),
    mtime: z.number(),
    owner: z.string(),
    group: z.string(),
    target: z.string().optional(),
  })
  .meta({ id: 'FileEntry' })
const json = 'application/json; charset=utf-8'

const readers = [
  {
    url: '/sandboxes/:id/fs',
    what: '',
    type: 'application/octet-stream',
    schema: {
      operationId: 'readFile',
      summary: 'The bytes of a file',
      querystring: pathQuery,
      answers: { 200: { description: 'The bytes', types: ['application/octet-stream'] } },
    },
  },
  {
    url: '/sandboxes/:id/fs/dir',
    what: '/dir',
    type: json,
    schema: {
      operationId: 'listDirectory',
      summary: 'The entries of a directory',
      querystring: z.object({ path: path.default('/') }),
      response: { 200: z.object({ path: z.string(), entries: z.array(entry) }) },
    },
  },
  {
    url: '/sandboxes/:id/fs/stat',
    what: '/stat',
    type: json,
    schema: {
      operationId: 'statFile',
      summary: 'One entry of the file system',
      querystring: pathQuery,
      response: { 200: entry },
    },
  },
] as const

export const registerReaders = (app: ApiApp, { core }: ApiDeps): void => {
  for (const { url, what, type, schema } of readers) {
    app.route({
      method: 'GET',
      url,
      // A HEAD route of its own would read the whole file to throw it away.
      exposeHeadRoute: false,
      schema: { tags: ['files'], params: sandboxParams, ...schema },
      async handler(request, reply) {
        using stack = new DisposableStack()
        const sandbox = stack.use(await openSandbox(core, request))
        const answer = await callGuest(sandbox, {
          method: 'GET',
          path: filesAt(what, request.query.path),
          signal: hangupOf(reply),
          silenceMs: readSilenceMs,
        })
        return passOn(reply, answer, type, stack.move())
      },
    })
  }
}
