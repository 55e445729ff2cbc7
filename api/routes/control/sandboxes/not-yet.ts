// What the published clients may ask for and this version does not do: told so, for sandboxes that exist.

import { PandaError } from '@pandastack/contracts/errors.ts'
import type { ApiApp, ApiDeps } from '../../../app.ts'
import { callerOf } from '../../../auth.ts'
import { idParams } from '../params.ts'

const verbs = {
  hibernate: 'hibernating sandboxes is not implemented yet',
  stop: 'hibernating sandboxes is not implemented yet',
  wake: 'waking sandboxes is not implemented yet, because hibernating them is not',
  start: 'waking sandboxes is not implemented yet, because hibernating them is not',
  snapshots: 'snapshots of sandboxes are not implemented yet',
  fork: 'forking sandboxes is not implemented yet',
  'fork-tree': 'forking sandboxes is not implemented yet',
  promote: 'promoting forks is not implemented yet',
}

export const notYet = (app: ApiApp, { core }: ApiDeps): void => {
  for (const [verb, sentence] of Object.entries(verbs)) {
    app.route({
      method: 'POST',
      url: `/sandboxes/:id/${verb}`,
      schema: { hide: true, params: idParams },
      async handler(request) {
        await core.sandboxes.get(callerOf(request), request.params.id)
        throw new PandaError('not_implemented', sentence)
      },
    })
  }
}
