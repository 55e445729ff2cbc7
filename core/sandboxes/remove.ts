// Delete. Answered once the machine is gone, or after a while in any case: the end is stored and will happen.

import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { end } from './end.ts'
import { owned } from './owned.ts'

const waitMs = 10_000

export const remove = async (ctx: Context, caller: Caller, id: string): Promise<void> => {
  const live = await owned(ctx, caller, id)
  await end(ctx, live, 'requested', { waitMs })
}
