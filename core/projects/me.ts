// Who a key stands for.

import { findProject } from '@pandastack/db/tables/projects.ts'
import type { Context } from '../context.ts'
import type { Caller, Core } from '../core.ts'
import { notFound } from '../refusals.ts'

export const authenticate = async (ctx: Context, key: string, requestId: string): Promise<Caller | null> => {
  const row = await ctx.keys.find(key)
  if (!row) return null
  return { projectId: row.project_id, tokenPrefix: row.prefix, requestId }
}

export const me = async (ctx: Context, caller: Caller): ReturnType<Core['me']> => {
  const project = await findProject(ctx.db, caller.projectId)
  if (!project) throw notFound()
  return {
    user_id: caller.tokenPrefix,
    email: '',
    current_org: project.id,
    orgs: [{ id: project.id, name: project.name, role: 'owner' }],
    auth_method: 'api_token',
  }
}
