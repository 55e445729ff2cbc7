// Parameters that many routes share. An id is any text here: core answers a malformed one like an unknown one.

import { z } from 'zod'

export const idParams = z.object({ id: z.string() })

/** For replies without a body. */
export const nothing = z.null().describe('Done')
