// DELETE /sandboxes/{id}/fs, POST fs/mkdir and fs/rename: what changes the tree and answers with nothing.

import { z } from 'zod'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { hangupOf } from '../../../hangup.ts'
import { callForText, json } from '../guest/call.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'
import { fileSilenceMs, filesAt, path, pathQuery } from './path.ts'

const nothing = z.null().describe('Done')
const common = { tags: ['files'], params: sandboxParams, response: { 204: nothing } }

export const registerChanges = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'DELETE',
    url: '/sandboxes/:id/fs',
    schema: {
      operationId: 'deleteFile',
      summary: 'Delete a file, or a directory with all in it',
      querystring: pathQuery,
      ...common,
    },
    async handler(request, reply) {
      using sandbox = await openSandbox(core, request)
      await callForText(sandbox, {
        method: 'DELETE',
        path: filesAt('', request.query.path),
        signal: hangupOf(reply),
        silenceMs: fileSilenceMs,
      })
      return reply.code(204).send(null)
    },
  })
  const posts = {
    mkdir: {
      operationId: 'makeDirectory',
      summary: 'Make a directory and its parents',
      body: z.object({ path }),
    },
    rename: {
      operationId: 'renameFile',
      summary: 'Rename or move a file or directory',
      body: z.object({ from: path, to: path }),
    },
  }
  for (const [verb, schema] of Object.entries(posts)) {
    app.route({
      method: 'POST',
      url: `/sandboxes/:id/fs/${verb}`,
      schema: { ...schema, ...common },
      async handler(request, reply) {
        using sandbox = await openSandbox(core, request)
        await callForText(sandbox, {
          method: 'POST',
          path: `/v1/files/${verb}`,
          ...json(request.body),
          signal: hangupOf(reply),
          silenceMs: fileSilenceMs,
        })
        return reply.code(204).send(null)
      },
    })
  }
}
