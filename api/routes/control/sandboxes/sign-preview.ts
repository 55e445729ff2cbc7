import { previewToken, previewTokenRequest } from '@pandastack/contracts/http/shapes.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

const ttlSecondsDefault = 3600

export const signPreview = (app: ApiApp, { core, config }: ApiDeps): void => {
  for (const url of ['/sandboxes/:id/preview-token', '/sandboxes/:id/preview']) {
    app.route({
      method: 'POST',
      url,
      schema: {
        operationId: url.endsWith('token') ? 'signPreview' : 'signPreviewAlias',
        summary: 'A signed link to one port, for whoever has the link',
        tags: ['ports'],
        params: idParams,
        body: previewTokenRequest,
        response: { 200: previewToken },
      },
      async handler(request) {
        const { id } = request.params
        const { port, ttl_seconds = ttlSecondsDefault, paths = [] } = request.body
        const signed = await core.previews.sign(callerOf(request), id, { port, ttl_seconds, paths })
        return { url: `${config.publicUrl}/v1/p/${signed.token}/`, ...signed, sandbox_id: id, port, paths }
      },
    })
  }
}
