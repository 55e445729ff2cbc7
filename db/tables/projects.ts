// Projects: the tenants.

import type { Db } from '../schema.ts'

export interface Project {
  id: string
  name: string
}

export const findProject = async (db: Db, id: string): Promise<Project | undefined> =>
  db.selectFrom('projects').select(['id', 'name']).where('id', '=', id).executeTakeFirst()

/** The project of that name, made with the given id when there is none. */
export const ensureProject = async (db: Db, name: string, newId: string): Promise<Project> => {
  await db
    .insertInto('projects')
    .values({ id: newId, name })
    .onConflict((oc) => oc.column('name').doNothing())
    .execute()
  return db.selectFrom('projects').select(['id', 'name']).where('name', '=', name).executeTakeFirstOrThrow()
}
