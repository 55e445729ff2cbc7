// For vitest: one cluster for all files of a run.

import type { TestProject } from 'vitest/node'
import { startPostgres } from './postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string
  }
}

export default async (project: TestProject): Promise<() => Promise<void>> => {
  const cluster = await startPostgres()
  project.provide('postgresUrl', cluster.url('DATABASE'))
  return async () => cluster[Symbol.asyncDispose]()
}
