// PUT /sandboxes/{id}/fs: a file's new bytes, of any size. For a scope that leaves bodies alone.

import { z } from 'zod'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { hangupOf } from '../../../hangup.ts'
import { callForJson } from '../guest/call.ts'
import { openSandbox, sandboxParams } from '../guest/open.ts'
import { fileSilenceMs, filesAt, pathQuery } from './path.ts'
import { uploadOf } from './upload.ts'

const written = z.object({ path: z.string(), bytes: z.number() })

export const registerWrite = (app: ApiApp, { core }: ApiDeps): void => {
  app.route({
    method: 'PUT',
    url: '/sandboxes/:id/fs',
    schema: {
      operationId: 'writeFile',
      summary: 'Write a file; parents are made, readers never see half of it',
      tags: ['files'],
      takesBytes: true,
      params: sandboxParams,
      querystring: pathQuery,
      response: { 200: written },
    },
    async handler(request, reply) {
      using sandbox = await openSandbox(core, request)
      const length = request.headers['content-length']
      try {
        return await callForJson(sandbox, written, {
          method: 'PUT',
          path: filesAt('', request.query.path),
          headers: {
            'content-type': 'application/octet-stream',
            ...(length !== undefined && { 'content-length': length }),
          },
          body: uploadOf(request.raw),
          signal: hangupOf(reply),
          silenceMs: fileSilenceMs,
        })
      } catch (error) {
        // What is left of the body must not be taken for the next request.
        if (!request.raw.complete) reply.header('connection', 'close')
        throw error
      }
    },
  })
}
