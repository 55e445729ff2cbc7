// The published npm package: its module, and its command line as people start it.

import { run } from '@pandastack/kit/process/run.ts'
import type { RunResult } from '@pandastack/kit/process/run.ts'
import { clients } from './clients.ts'
import { api, key } from './raw.ts'

export interface NpmClient {
  /** What it exports; each test says as what it takes it. */
  module: unknown
  cli(...args: string[]): Promise<RunResult>
}

export const npmClient = async (): Promise<NpmClient> => {
  const found = await clients()
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: found.home,
    PANDASTACK_API: api(),
    PANDASTACK_API_KEY: key(),
  }
  return {
    module: await import(found.npmModule),
    cli: (...args) => run(process.execPath, [found.npmCli, ...args], { deadlineMs: 120_000, env }),
  }
}
