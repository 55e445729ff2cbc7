// Wake, on request. A paused sandbox is resumed; one that runs is as it should be.

import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { awake } from './awake.ts'
import { owned } from './owned.ts'
import { resume } from './pause.ts'
import { toSandbox } from './shape.ts'

export const wake = async (ctx: Context, caller: Caller, id: string): Promise<Sandbox> => {
  const live = await owned(ctx, caller, id)
  if (live.row.status === 'paused') await resume(ctx, caller, id)
  else await awake(ctx, live)
  return toSandbox(live, ctx.clock)
}
